import { createSessions, type SessionStore, type SessionsOptions } from '@coatcheck/core';
import { type SessionContext, sessions } from '@coatcheck/koa';
import { describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { type AuthUser, getUser, isSafeRedirect, login, type userId } from '../src/auth.ts';
import { type getToken, verifyCsrf } from '../src/csrf.ts';
import * as flash from '../src/flash.ts';
import { authenticate, csrfProtection, loginRequired } from '../src/koa.ts';

// `tsc -b` is what checks this file: a line below @ts-expect-error that is no error is one itself.

interface AppSession {
  cart: string[];
}

interface Member {
  readonly id: string;
  readonly name: string;
  readonly passwordHash: string | null;
}

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where the two types are the same. */
function same<A, B>(_: Same<A, B>): void {}

describe('every function', () => {
  it('takes a session with declared entries, and one without', () => {
    const use = async (
      typed: SessionStore<AppSession>,
      untyped: SessionStore,
      member: Member,
    ): Promise<void> => {
      await login(typed, member);
      await login(untyped, member, { backend: 'shop.Backend' });
      same<ReturnType<typeof userId<AppSession>>, string | undefined>(true);
      flash.add(typed, 'success', 'x', { extraTags: 'y' });
      flash.add(untyped, 99, 'x');
      const messages = await flash.take(typed);
      same<typeof messages, flash.Message[]>(true);
      verifyCsrf(typed, { method: 'GET', headers: {}, secure: true });
      same<ReturnType<typeof getToken<AppSession>>, string>(true);
      // @ts-expect-error A level that there is not.
      flash.add(typed, 'fatal', 'x');
      // @ts-expect-error The entries of the framework are no entries of the application.
      typed.get('_messages');
    };
    expect(use).toBeInstanceOf(Function);
  });
});

describe('getUser', () => {
  it('returns what the loader returns, or undefined', () => {
    const use = async (session: SessionStore, member: Member): Promise<void> => {
      const found = await getUser(session, (id) => (id === member.id ? member : null));
      same<typeof found, Member | undefined>(true);
      const later = await getUser(session, async (): Promise<Member | undefined> => member);
      same<typeof later, Member | undefined>(true);
    };
    expect(use).toBeInstanceOf(Function);
  });

  it('wants a user who says something of a password', () => {
    const use = async (session: SessionStore): Promise<void> => {
      const users: AuthUser[] = [
        { id: 1, passwordHash: 'x' },
        { id: 1n, passwordHash: null },
        { id: 'a', sessionAuthHash: 'x' },
      ];
      for (const user of users) await login(session, user);
      // @ts-expect-error A row without the password column.
      await getUser(session, () => ({ id: '1', name: 'ann' }));
      // @ts-expect-error It is null that says "no password", since undefined may be a column left out.
      await login(session, { id: 1, passwordHash: undefined });
    };
    expect(use).toBeInstanceOf(Function);
  });
});

describe('isSafeRedirect', () => {
  it('makes text of what it lets through', () => {
    const use = (next: string | string[] | undefined): string => {
      return isSafeRedirect(next) ? next : '/';
    };
    expect(use('/a')).toBe('/a');
  });
});

describe('the middleware for Koa', () => {
  it('fits applications with and without types of their own', () => {
    const use = (options: SessionsOptions, member: Member): void => {
      const load = () => member;
      new Koa().use(authenticate(load)).use(csrfProtection()).use(loginRequired());
      new Koa<{ user?: Member }, SessionContext<AppSession>>()
        .use(sessions(createSessions<AppSession>(options)))
        .use(csrfProtection({ trustedOrigins: [] }))
        .use(authenticate(load, { backends: [] }))
        .use(loginRequired({ loginUrl: '/in', field: 'to' }))
        .use((ctx) => {
          same<typeof ctx.state.user, Member | undefined>(true);
        });
    };
    expect(use).toBeInstanceOf(Function);
  });
});
