import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

/** Fewer rounds than a site needs. */
const ROUNDS = 1000;

/** Whether the password is the one in the column `password`. Django: `PBKDF2PasswordHasher.verify`. */
export async function verifyPassword(password: string, column: string): Promise<boolean> {
  const [algorithm = '', rounds = '', salt = '', hash = ''] = column.split('$');
  if (algorithm !== 'pbkdf2_sha256') return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = await derive(password, salt, Number(rounds), expected.length, 'sha256');
  return timingSafeEqual(actual, expected);
}

/** What Django keeps in the column `password`. Django: `PBKDF2PasswordHasher.encode`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16).toString('hex');
  const hash = await derive(password, salt, ROUNDS, 32, 'sha256');
  return `pbkdf2_sha256$${ROUNDS}$${salt}$${hash.toString('base64')}`;
}
