import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createSessions, type SessionStore, type SessionsOptions } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { type SessionContext, sessions } from '../src/index.ts';

// `tsc -b` is what checks this file: a line below @ts-expect-error that is no error is one itself.

interface Cart {
  readonly items: string[];
}

interface AppSession {
  cart: Cart;
  visits: number;
}

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where the two types are the same. */
function same<A, B>(_: Same<A, B>): void {}

describe('createSessions<AppSession>()', () => {
  it('types the entries of ctx.session', () => {
    const use = (options: SessionsOptions): Koa =>
      new Koa().use(sessions(createSessions<AppSession>(options))).use((ctx) => {
        const { session } = ctx;
        same<typeof session, SessionStore<AppSession>>(true);

        const cart = session.get('cart');
        same<typeof cart, Cart | undefined>(true);
        const visits = session.get('visits', 0);
        same<typeof visits, number>(true);
        const other = session.get('visits', 'none');
        same<typeof other, number | 'none'>(true);
        const popped = session.pop('cart');
        same<typeof popped, Cart | undefined>(true);
        const kept = session.setDefault('visits', 0);
        same<typeof kept, number>(true);
        const changed = session.change('visits', (n) => (n ?? 0) + 1);
        same<typeof changed, number | undefined>(true);
        const keys = session.keys();
        same<typeof keys, ('cart' | 'visits')[]>(true);
        same<typeof session.data, Partial<AppSession>>(true);
        same<typeof session.sessionKey, string | null>(true);
        session.set('visits', 1).set('cart', { items: [] });
        session.update({ visits: 2 });
        session.data.cart?.items.push('x');

        // @ts-expect-error There is no such entry.
        session.get('chart');
        // @ts-expect-error There is no such entry.
        session.set('chart', 1);
        // @ts-expect-error A number of visits is no text.
        session.set('visits', 'many');
        // @ts-expect-error A number of visits is no text.
        session.update({ visits: 'many' });
        // @ts-expect-error A number of visits is no text.
        session.change('visits', () => 'many');
        // @ts-expect-error There is no such entry.
        session.delete('chart');
        // @ts-expect-error There is no such entry.
        session.data.chart;
        // @ts-expect-error delete() without a key would end nothing; flush() does.
        session.delete();
        // @ts-expect-error The key is made by the session itself.
        session.sessionKey = 'mine';
        // @ts-expect-error ctx.session cannot be assigned.
        ctx.session = session;
      }) as unknown as Koa;
    expect(use).toBeInstanceOf(Function);
  });

  it('types options that are functions of the context', () => {
    const use = (options: SessionsOptions): unknown => [
      sessions(createSessions<AppSession>(options), {
        skip: (ctx) => ctx.path.startsWith('/static/'),
        lazy: true,
        onInterrupted: (ctx) => (ctx.method === 'GET' ? 'discard' : 'error'),
      }),
      // @ts-expect-error It is 'error' or 'anonymous'.
      sessions(createSessions<AppSession>(options), { onUnavailable: 'ignore' }),
      // @ts-expect-error There is no such option.
      sessions(createSessions<AppSession>(options), { lasy: true }),
    ];
    expect(use).toBeInstanceOf(Function);
  });

  it('keeps a session from being taken for one with other entries', () => {
    const check = (context: SessionContext<AppSession>): void => {
      // @ts-expect-error It has no entry `user`.
      const other: SessionContext<{ user: string }> = context;
      expect(other).toBeDefined();
    };
    expect(check).toBeInstanceOf(Function);
  });
});

describe('an empty SessionData', () => {
  it('takes any key, and every value is unknown', () => {
    const use = (session: SessionStore<object>): void => {
      const value = session.get('anything');
      same<typeof value, unknown>(true);
      const otherwise = session.get('anything', 0);
      same<typeof otherwise, unknown>(true);
      session.set('anything', { at: 'all' }).set('more', 1);
      session.change('n', (n) => Number(n ?? 0) + 1);
      const keys = session.keys();
      same<typeof keys, string[]>(true);
      // @ts-expect-error What it is has to be found out first.
      value.length;
      // @ts-expect-error Keys are text.
      session.get(1);
    };
    expect(use).toBeInstanceOf(Function);
  });
});

// Augmentation is global to a program, so each of these is a program of its own.
describe('augmenting SessionData', () => {
  const root = path.join(import.meta.dirname, '../../..');

  /** What the compiler says of an application with this text; empty when all is well. */
  function compile(text: string): Promise<string> {
    const directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-types-'));
    const packages = path.join(root, 'packages');
    const types = path.join(packages, 'koa/node_modules/@types');
    const config = {
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: {
        ...{ composite: false, declarationMap: false, isolatedDeclarations: false },
        ...{ tsBuildInfoFile: null, incremental: false, noEmit: true },
        ...{ rewriteRelativeImportExtensions: false, allowImportingTsExtensions: true },
        typeRoots: [path.join(root, 'node_modules/@types')],
        paths: {
          '@coatcheck/core': [path.join(packages, 'core/src/index.ts')],
          '@coatcheck/koa': [path.join(packages, 'koa/src/index.ts')],
          '@coatcheck/koa/global': [path.join(packages, 'koa/src/global.ts')],
          koa: [path.join(realpathSync(path.join(types, 'koa')), 'index.d.ts')],
        },
      },
      files: ['app.mts'],
      references: [],
    };
    writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify(config));
    writeFileSync(path.join(directory, 'app.mts'), text);
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    return new Promise((resolve) => {
      execFile(process.execPath, [tsc, '-p', directory], (error, stdout) => {
        rmSync(directory, { recursive: true });
        resolve(error ? stdout || String(error) : '');
      });
    });
  }

  const augmented = `
    import { createSessions, type SessionsOptions } from '@coatcheck/core';
    import { sessions } from '@coatcheck/koa';
    import Koa from 'koa';

    declare module '@coatcheck/core' {
      interface SessionData {
        visits: number;
      }
    }
  `;

  it('types every session of the application', async () => {
    const text = `${augmented}
      export const use = (options: SessionsOptions): unknown =>
        new Koa().use(sessions(createSessions(options))).use(({ session }) => {
          const visits: number | undefined = session.get('visits');
          session.set('visits', (visits ?? 0) + 1);
          session.data.visits = 3;
          // @ts-expect-error There is no such entry.
          session.get('visitors');
          // @ts-expect-error A number of visits is no text.
          session.set('visits', 'many');
        });`;
    expect(await compile(text)).toBe('');
  }, 30_000);

  it('and @coatcheck/koa/global type ctx.session where the application was never told', async () => {
    const text = `${augmented}
      import '@coatcheck/koa/global';
      import type { Context } from 'koa';

      export function handler(ctx: Context): void {
        const visits: number | undefined = ctx.session.get('visits');
        ctx.session.set('visits', (visits ?? 0) + 1);
        // @ts-expect-error There is no such entry.
        ctx.session.get('visitors');
        // @ts-expect-error ctx.session cannot be assigned.
        ctx.session = ctx.session;
      }
      export const use = (options: SessionsOptions): unknown =>
        new Koa().use(sessions(createSessions(options))).use(handler);`;
    expect(await compile(text)).toBe('');
  }, 30_000);

  it('left out, and @coatcheck/koa/global, let ctx.session take any key', async () => {
    const text = `
      import '@coatcheck/koa/global';
      import type { Context } from 'koa';

      export function handler(ctx: Context): unknown {
        ctx.session.set('anything', { at: 'all' });
        const value: unknown = ctx.session.get('anything');
        // @ts-expect-error What it is has to be found out first.
        ctx.session.get('anything').at;
        return value;
      }`;
    expect(await compile(text)).toBe('');
  }, 30_000);

  it('is checked by a compiler that does find mistakes', async () => {
    const text = `${augmented}
      export const use = (options: SessionsOptions): unknown =>
        createSessions(options).open().get('visitors');`;
    expect(await compile(text)).toContain(`'"visitors"' is not assignable to parameter`);
  }, 30_000);
});
