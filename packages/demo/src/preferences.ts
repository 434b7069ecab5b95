import { definePreferences, type Preferences } from '@coatcheck/contrib/preferences';

/** What visitors may prefer. `auto`: as the browser says. */
export type ShopPreferences = {
  theme: 'auto' | 'light' | 'dark';
  language: 'auto' | 'en' | 'de';
  list: { itemsPerPage: number };
};

/** What can be chosen, by path, in the order of the buttons. */
export const choices = {
  theme: ['auto', 'light', 'dark'],
  language: ['auto', 'en', 'de'],
  'list.itemsPerPage': [3, 6, 12],
} as const;

/** The visitor's preferences; the session holds only what differs from these. */
export const preferences: Preferences<ShopPreferences> = definePreferences<ShopPreferences>(
  { theme: 'auto', language: 'auto', list: { itemsPerPage: 6 } },
  { choices },
);
