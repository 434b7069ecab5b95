import type { SessionsConfig } from '@coatcheck/config';

/** The settings that a URL stands for; `undefined` for what is none, such as the name of a file. */
export function settingsOfUrl(
  url: string,
): Pick<SessionsConfig, 'engine' | 'db' | 'cache' | 'file'> | undefined {
  const [, scheme = '', rest = ''] = /^([a-z+]{3,}):(.*)$/s.exec(url) ?? [];
  if (/^(?:sqlite|postgres|postgresql|mysql|mariadb)$/.test(scheme)) {
    return { engine: 'db', db: { url } };
  }
  if (/^rediss?(?:\+\w+)?$/.test(scheme)) return { engine: 'cache', cache: { url } };
  return scheme === 'file' ? { engine: 'file', file: { path: rest } } : undefined;
}
