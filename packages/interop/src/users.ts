import Database from 'better-sqlite3';
import { hashPassword, verifyPassword } from './django-password.ts';

/** A row of Django's `auth_user`. */
export interface User {
  readonly id: number;
  readonly username: string;
  /** The hash, as Django keeps it. */
  readonly passwordHash: string;
}

/** The users that Django made, in its SQLite file. */
export class Users {
  readonly #database: Database.Database;

  constructor(file: string) {
    this.#database = new Database(file, { fileMustExist: true });
  }

  find(id: string): User | undefined {
    return this.#one('id = ?', id);
  }

  /** The user, when the password is right. */
  async authenticate(username: string, password: string): Promise<User | undefined> {
    const user = this.#one('username = ?', username);
    return user && (await verifyPassword(password, user.passwordHash)) ? user : undefined;
  }

  /** The user with the new password. */
  async changePassword(user: User, password: string): Promise<User> {
    const changed = { ...user, passwordHash: await hashPassword(password) };
    this.#database
      .prepare('UPDATE auth_user SET password = ? WHERE id = ?')
      .run(changed.passwordHash, user.id);
    return changed;
  }

  close(): void {
    this.#database.close();
  }

  #one(condition: string, value: string): User | undefined {
    const columns = 'id, username, password AS passwordHash';
    const sql = `SELECT ${columns} FROM auth_user WHERE is_active AND ${condition}`;
    return this.#database.prepare<string, User>(sql).get(value);
  }
}
