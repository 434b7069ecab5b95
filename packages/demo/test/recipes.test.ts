import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { memoryBackend } from '@coatcheck/cache';
import { createSessions } from '@coatcheck/core';
import { sessions as mount } from '@coatcheck/koa';
import { readSession, signIn } from '@coatcheck/koa/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Router from '@koa/router';
import { transformSync } from '@swc/core';
import Koa from 'koa';
import request from 'supertest';

const run = promisify(execFile);

const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;
const SECRET_KEY = 'q8Zr1nVd5sWk0aYb7uEo3tGh9xLc2mPf';

const root = path.join(import.meta.dirname, '../../..');
// Here its packages are found as an application finds them.
const cache = path.join(import.meta.dirname, '../node_modules/.cache');
const compiler = path.join(root, 'node_modules/typescript/bin/tsc');

/** What the recipes say is the reader's. */
const surroundings = `
interface Shop { cart?: Record<string, number>; exports?: number }
interface Account { readonly id: number; readonly name: string; readonly passwordHash: string }
type ShopContext = import('@koa/router').RouterContext<{ user?: Account }, import('@coatcheck/koa').SessionContext<Shop>>;
declare const app: import('koa');
declare const router: import('@koa/router').default<{ user?: Account }, import('@coatcheck/koa').SessionContext<Shop>>;
declare const sessions: import('@coatcheck/core').Sessions<Shop>;
declare const backend: import('@coatcheck/core').SessionBackend;
declare const server: import('node:http').Server;
declare const users: {
  byId(id: string): Account | undefined;
  withPassword(name?: string, password?: string): Promise<Account | undefined>;
  changePassword(id: number, password?: string): Promise<Account>;
};
declare const queue: { add(job: () => Promise<void>): void };
declare const log: Record<'info' | 'warn' | 'error', (facts: unknown) => void>;
declare function formOf(ctx: ShopContext): Partial<Record<string, string>>;
declare function render(page: string, values: object): string;
declare function accept(request: object, socket: object, cart: unknown): void;
`;

const recipes = [
  ...readFileSync(path.join(root, 'docs/recipes.md'), 'utf8').matchAll(
    /^## (.+)\n(?:(?!^## |^```ts)[\s\S])*?^```ts\n([\s\S]*?)^```$/gm,
  ),
].map(([, title = '', code = '']) => ({ title, code }));

describe('the recipes', () => {
  let directory: string;
  beforeAll(() => {
    mkdirSync(cache, { recursive: true });
    directory = mkdtempSync(path.join(cache, 'recipes-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(recipes)('need at most twenty lines: $title', ({ code }) => {
    expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
  });

  it('run, as far as they do anything before a request comes', async () => {
    const sessions = createSessions({ backend: memoryBackend(), secretKey: SECRET_KEY });
    const app = new Koa();
    const router = new Router();
    app.use(mount(sessions)).use(router.routes());
    const given: Record<string, unknown> = {
      ...{ app, router, sessions, backend: memoryBackend(), server: createServer(), require },
      users: { byId: () => undefined, withPassword: async () => undefined },
      console: { assert },
      exports: {},
      process: { env: { SECRET_KEY, OLD_SECRET_KEY: `${SECRET_KEY}-before` } },
      // Those of the recipe would go on after the test.
      setInterval: () => ({ unref: () => undefined }),
    };
    for (const { code } of recipes) {
      const script = transformSync(code, {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
      });
      const run = new AsyncFunction(...Object.keys(given), script.code);
      await run(...Object.values(given));
    }
    // The first recipe is what the one about tests has asked.
    const cookie = await signIn(sessions, { cart: { gloves: 2 } } as object);
    await request(app.callback()).post('/cart/gloves').set('Cookie', cookie).expect(302);
    expect(await readSession(sessions, cookie)).toEqual({ cart: { gloves: 3 } });
  });

  it('compile', async () => {
    expect(recipes.length).toBeGreaterThanOrEqual(15);
    writeFileSync(path.join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(path.join(directory, 'surroundings.d.ts'), surroundings);
    for (const { title, code } of recipes) {
      const name = title.toLowerCase().replace(/\W+/g, '-');
      writeFileSync(path.join(directory, `${name}.ts`), `${code}\nexport {};\n`);
    }
    const compilerOptions = {
      noEmit: true,
      composite: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noUnusedLocals: false,
      lib: ['es2023'],
    };
    writeFileSync(
      path.join(directory, 'tsconfig.json'),
      JSON.stringify({
        extends: path.join(root, 'tsconfig.json'),
        compilerOptions,
        include: ['*.ts'],
      }),
    );
    const found = await run(process.execPath, [
      compiler,
      '-p',
      directory,
      '--pretty',
      'false',
    ]).catch((error: { stdout: string }) => error);
    expect(found.stdout).toBe('');
  });
});
