import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { type Entries, memorySessions } from '../../core/test/support/sqlite-sessions.ts';
import { getUser, login, logout, sessionAuthHash, updateSessionAuthHash } from '../src/auth.ts';

interface Flow {
  readonly label: string;
  readonly before: Entries;
  readonly after: Entries;
  readonly modified: boolean;
  readonly key: 'new' | 'same' | 'none';
  readonly old_key_exists: boolean;
  readonly result: 'bob' | 'AnonymousUser' | null;
}

interface AuthFixture {
  readonly django: string;
  readonly secret_key: string;
  readonly fallback_1: string;
  readonly fallback_2: string;
  readonly session_auth_hashes: readonly {
    readonly password_field: string;
    readonly hash: string;
    readonly with_fallback_1: string;
    readonly with_fallback_2: string;
    readonly sha1_before_3_1: string;
  }[];
  readonly flows: readonly Flow[];
}

const newest = djangoFixture<AuthFixture>('auth.json');
const oldest = djangoFixture<AuthFixture>('auth.django-3.2.json');

for (const fixture of [newest, oldest]) {
  const is32 = fixture.django.startsWith('3.2');
  const passwords = fixture.session_auth_hashes.map((row) => row.password_field);
  const bob = { id: 1, passwordHash: String(passwords[0]), name: 'bob' };
  const other = { id: 2, passwordHash: String(passwords[1]), name: 'other' };
  const users = [bob, other];

  /** Sessions of a Coatcheck beside that Django; 3.2 knows no fallback keys. */
  const open = async (entries: Entries) => {
    const { sessions } = memorySessions({
      secretKey: fixture.secret_key,
      secretKeyFallbacks: is32 ? [] : [fixture.fallback_1, fixture.fallback_2],
      django: is32 ? '3.2' : undefined,
      allowWeakSecret: true, // a key of the fixture's
    });
    const first = sessions.open();
    await first.update(entries).save();
    const oldKey = String(first.sessionKey);
    return { sessions, oldKey, session: sessions.open(oldKey) };
  };

  describe(`the session auth hash of Django ${fixture.django}`, () => {
    it.each(fixture.session_auth_hashes)('is made for $password_field', (row) => {
      const user = { id: 1, passwordHash: row.password_field };
      const under = (secretKey: string) => sessionAuthHash(user, { secretKey });
      expect(under(fixture.secret_key)).toBe(row.hash);
      expect(under(fixture.fallback_1)).toBe(row.with_fallback_1);
      expect(under(fixture.fallback_2)).toBe(row.with_fallback_2);
    });

    it.each(fixture.session_auth_hashes)('is read for $password_field', async (row) => {
      const user = { id: 1, passwordHash: row.password_field };
      const read = async (hash: string) => {
        const { session } = await open({
          _auth_user_id: '1',
          _auth_user_backend: 'django.contrib.auth.backends.ModelBackend',
          _auth_user_hash: hash,
        });
        return (await getUser(session, () => user)) === user;
      };
      expect(await read(row.hash)).toBe(true);
      expect(await read(row.with_fallback_1)).toBe(!is32);
      expect(await read(row.with_fallback_2)).toBe(!is32);
      expect(await read(row.sha1_before_3_1)).toBe(is32);
    });
  });

  describe(`what Django ${fixture.django} does`, () => {
    it.each(fixture.flows)('$label', async (flow) => {
      const { sessions, oldKey, session } = await open(flow.before);
      let result: string | null = null;
      switch (flow.label) {
        case 'login from an anonymous session':
        case 'login of the same user again':
        case 'login of the same user, stored hash differs':
          await login(session, bob);
          break;
        case 'login of another user':
          await login(session, other);
          break;
        case 'logout':
        case 'logout when anonymous':
          await logout(session);
          break;
        case 'update_session_auth_hash':
          await updateSessionAuthHash(session, bob);
          break;
        case 'update_session_auth_hash for a user who is not request.user':
          await updateSessionAuthHash(session, other);
          break;
        default: {
          expect(flow.label).toMatch(/^get_user, /);
          const load = (id: string) => users.find((user) => String(user.id) === id);
          result = (await getUser(session, load))?.name ?? 'AnonymousUser';
        }
      }

      expect(result).toBe(flow.result);
      expect(Object.fromEntries(session)).toEqual(flow.after);
      expect(session.modified).toBe(flow.modified);
      // Departure: Django has no key after the login of another user until its middleware saves; here it is stored.
      const isLogin = flow.label.startsWith('login');
      const key = flow.key === 'none' && isLogin ? 'new' : flow.key;
      expect(keyOf(session.sessionKey, oldKey)).toBe(key);
      expect(await sessions.exists(oldKey)).toBe(flow.old_key_exists);
      const stored = sessions.open(session.sessionKey);
      expect(Object.fromEntries(stored)).toEqual(flow.after);
    });
  });
}

function keyOf(key: string | null, oldKey: string): Flow['key'] {
  if (key === null) return 'none';
  return key === oldKey ? 'same' : 'new';
}
