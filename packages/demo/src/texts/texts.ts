import { english, type Texts } from './english.ts';
import { german } from './german.ts';

export type { Texts } from './english.ts';

/** The languages of the shop. */
export type Language = 'en' | 'de';

/** What the pages say, by language. */
export const texts: Readonly<Record<Language, Texts>> = { en: english, de: german };

/** Words, amounts and times in one language. */
export interface Locale {
  readonly language: Language;
  readonly texts: Texts;
  /** `€249.00`, `249,00 €` */
  price(cents: number): string;
  /** An instant, in UTC: the server knows no other zone of the visitor. */
  time(at: Date): string;
  /** The time of day alone. */
  clock(at: Date): string;
  /** The name of a country by its two letters. */
  country(code: string): string;
}

function createLocale(language: Language): Locale {
  const euros = new Intl.NumberFormat(language, { style: 'currency', currency: 'EUR' });
  const times = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  });
  const clocks = new Intl.DateTimeFormat('de', { timeStyle: 'medium', timeZone: 'UTC' });
  const regions = new Intl.DisplayNames(language, { type: 'region' });
  return {
    language,
    texts: texts[language],
    price: (cents) => euros.format(cents / 100),
    time: (at) => `${times.format(at)} UTC`,
    clock: (at) => clocks.format(at),
    country: (code) => regions.of(code) ?? code,
  };
}

/** The shop in each of its languages. */
export const locales: Readonly<Record<Language, Locale>> = {
  en: createLocale('en'),
  de: createLocale('de'),
};
