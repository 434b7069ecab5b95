import { pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

/** A password that nobody has: checking it takes as long as checking a real one. */
export const UNUSABLE_PASSWORD =
  'pbkdf2_sha256$600000$UbpLw8bcs4pYdFHFqh2QGN$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

/**
 * Whether the password is the one that the column `password` of a Django user stands for. Django:
 * `PBKDF2PasswordHasher.verify`
 *
 * @throws {TypeError} when the column is nothing that this hasher made
 */
export async function checkPassword(password: string, encoded: string): Promise<boolean> {
  const [algorithm, iterations, salt = '', hash = ''] = encoded.split('$');
  if (algorithm !== 'pbkdf2_sha256' || !/^\d+$/.test(iterations ?? '')) {
    throw new TypeError('A password column must be pbkdf2_sha256$iterations$salt$hash.');
  }
  const expected = Buffer.from(hash, 'base64');
  const actual = await derive(password, salt, Number(iterations), expected.length, 'sha256');
  return timingSafeEqual(actual, expected);
}
