import { checkPassword, UNUSABLE_PASSWORD } from './passwords.ts';

/** Somebody who can log in. */
export interface User {
  readonly id: number;
  readonly username: string;
  readonly name: string;
  /** As Django stores it. */
  readonly passwordHash: string;
}

const users: readonly User[] = [
  {
    id: 1,
    username: 'ada',
    name: 'Ada Lovelace',
    passwordHash:
      'pbkdf2_sha256$600000$AjtjelUAjtRXohEz9xhD5b$eFywNuIZl23ka2+ktEX1SqD1gsPvUcEXJoqfN/SPNT8=',
  },
  {
    id: 2,
    username: 'grace',
    name: 'Grace Hopper',
    passwordHash:
      'pbkdf2_sha256$600000$B8QrVnrnzxWTWDOsNzRTri$ti0mltjLcdiguAANe+Nr8TXPxhjndJiFCqqwuaY02qI=',
  },
];

/** What the log-in page tells visitors to try. */
export const demoLogins: readonly { username: string; password: string }[] = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
];

/** The user with that id, as the session has it: text. */
export function loadUser(id: string): User | undefined {
  return users.find((user) => String(user.id) === id);
}

/** The user, when the password is right. Takes as long for a name that nobody has. */
export async function findByPassword(
  username: string,
  password: string,
): Promise<User | undefined> {
  const user = users.find((one) => one.username === username);
  const isRight = await checkPassword(password, user?.passwordHash ?? UNUSABLE_PASSWORD);
  return isRight ? user : undefined;
}
