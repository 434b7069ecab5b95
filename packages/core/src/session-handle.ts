import { createHmac } from 'node:crypto';

const LENGTH = 22;

/** What names a session in forms, addresses and reports, and nobody can use as a key. @param key as the backend has it */
export function sessionHandle(key: string, secretKey: string): string {
  // A command line would take a dash for an option.
  return createHmac('sha256', secretKey)
    .update(`coatcheck.handle:${key}`)
    .digest('base64url')
    .replace(/^-+/, '')
    .slice(0, LENGTH);
}
