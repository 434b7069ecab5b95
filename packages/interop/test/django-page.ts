import { readFileSync } from 'node:fs';

/** The page for those who share sessions with Django. */
export const page: string = readFileSync(
  new URL('../../../docs/django.md', import.meta.url),
  'utf8',
);

/** The page's block in that language under the heading. @throws {Error} where there is none */
export function blockOf(heading: string, language: 'js' | 'nginx' | 'python'): string {
  const [, section = ''] = page.split(new RegExp(`^##+ ${heading}$`, 'm'));
  const [, block] =
    new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(section.split(/^##/m)[0] ?? '') ?? [];
  if (block === undefined) throw new Error(`docs/django.md: "${heading}" has no ${language}.`);
  return block;
}
