import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Somebody who can log in. */
export interface User {
  readonly username: string;
  readonly name: string;
}

const scryptAsync = promisify<string, Buffer, number, Buffer>(scrypt);

const users: ReadonlyMap<string, User & { passwordHash: string }> = new Map([
  [
    'ada',
    {
      username: 'ada',
      name: 'Ada Lovelace',
      passwordHash: 'o4JX1y15L8jylt61KWMPow$2SILUKpRvLGUXm5xLfGnUfGmWAposH-vuxpS2UvKZ6s',
    },
  ],
  [
    'grace',
    {
      username: 'grace',
      name: 'Grace Hopper',
      passwordHash: 'aK5ZGtn0HS2EGvSWiMp_7Q$TnUxKesgIdbc2h8eAhb_W56tfz-BUIyODfnDsvND9Vw',
    },
  ],
]);

/** What the log-in page tells visitors to try. */
export const demoLogins: readonly { username: string; password: string }[] = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
];

/** The user of that name, if there is one. */
export function findUser(username: string | undefined): User | undefined {
  return username === undefined ? undefined : users.get(username);
}

/** The user, when the password is right. Takes as long for a name that nobody has. */
export async function authenticate(username: string, password: string): Promise<User | undefined> {
  const user = users.get(username);
  const [salt = '', hash = ''] = (user?.passwordHash ?? 'AAAAAAAAAAAAAAAAAAAAAA$').split('$');
  const expected = Buffer.from(hash, 'base64url');
  const actual = await scryptAsync(password, Buffer.from(salt, 'base64url'), 32);
  return user && timingSafeEqual(actual, expected) ? user : undefined;
}
