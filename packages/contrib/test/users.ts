import type { PasswordUser } from '../src/auth.ts';

/** A user as an application's loader returns one. */
export interface TestUser extends PasswordUser {
  readonly name: string;
}

export const ann: TestUser = {
  id: 1,
  name: 'ann',
  passwordHash: 'pbkdf2_sha256$1000$salt$hashOfAnn',
};
export const bob: TestUser = {
  id: 2,
  name: 'bob',
  passwordHash: 'pbkdf2_sha256$1000$salt$hashOfBob',
};

/** The users by the text of their id, as a table would have them. */
export function loader(
  ...users: readonly TestUser[]
): ((id: string) => TestUser | undefined) & { calls: string[] } {
  const calls: string[] = [];
  const load = (id: string): TestUser | undefined => {
    calls.push(id);
    return users.find((user) => String(user.id) === id);
  };
  return Object.assign(load, { calls });
}
