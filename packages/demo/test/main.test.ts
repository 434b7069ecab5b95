import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { build, runNode } from '../../config/test/on-dist.ts';
import { Visitor } from './visitor.ts';

// Every test starts processes, and the machine may be busy.
jest.setTimeout(60_000);

let demo: string;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  demo = mkdtempSync(join(tmpdir(), 'coatcheck-demo-'));
  // A copy, so that the test has a var directory of its own.
  const built = await build('demo');
  for (const part of ['dist', 'src', 'public', 'package.json', 'sessions.config.ts']) {
    cpSync(join(built, part), join(demo, part), { recursive: true });
  }
  symlinkSync(join(built, 'node_modules'), join(demo, 'node_modules'));
}, 180_000);

afterAll(() => {
  rmSync(demo, { recursive: true, force: true });
});

afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

interface Running {
  readonly process: ChildProcess;
  readonly address: string;
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const process = spawn(globalThis.process.execPath, [join(demo, 'dist', 'main.js')], {
    env: { PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endings.push(() => process.kill('SIGKILL'));
  const line = await new Promise((resolve, reject) => {
    process.stdout.once('data', resolve);
    process.once('exit', (code) => reject(new Error(`The shop ended with code ${code}.`)));
  });
  return { process, address: String(line).trim() };
}

describe('the demo', () => {
  it('prints its address, and keeps secret and sessions across a restart', async () => {
    const first = await start();
    expect(first.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(`${first.address}/cart/add`, {
      method: 'POST',
      body: new URLSearchParams({ product: 'gloves' }),
      redirect: 'manual',
    });
    const [cookie = ''] = response.headers.getSetCookie();
    first.process.kill('SIGTERM');
    expect(await once(first.process, 'exit')).toEqual([0, null]);
    expect(statSync(join(demo, 'var', 'secret-key')).mode & 0o777).toBe(0o600);

    const second = await start();
    const page = await fetch(`${second.address}/cart`, {
      headers: { cookie: cookie.split(';')[0] ?? '' },
    });
    expect(await page.text()).toContain('Leather gloves');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends with code 0 on %s, with a connection open and a request half sent',
    async (signal) => {
      const { process, address } = await start();
      const { hostname, port } = new URL(address);
      const idle = fetch(address).then((response) => response.text());
      const half = spawn(globalThis.process.execPath, [
        '-e',
        `require('net').connect(${port}, '${hostname}', function () { this.write('POST /login HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99\\r\\n\\r\\nuser'); console.log('sent'); }).on('error', () => {})`,
      ]);
      endings.push(() => half.kill('SIGKILL'));
      await Promise.all([idle, once(half.stdout, 'data')]);
      process.kill(signal);
      process.kill(signal);
      expect(await once(process, 'exit')).toEqual([0, null]);
    },
  );

  it.each([
    [{}, true],
    [{ SESSION_ENGINE: 'cache' }, true],
    [{ SESSION_ENGINE: 'cached_db', SESSION_CACHE_URL: 'memory:' }, true],
    [{ SESSION_ENGINE: 'file', SESSION_FILE_PATH: './var/files' }, false],
    [{ SESSION_ENGINE: 'django.contrib.sessions.backends.signed_cookies' }, false],
  ])('has a page of devices where the engine can list them: %j', async (env, listsDevices) => {
    const { address } = await start(env as Record<string, string>);
    const visitor = new Visitor(address);
    await visitor.logIn();
    expect((await visitor.get('/devices')).status).toBe(listsDevices ? 200 : 404);
    expect((await visitor.page('/')).includes('href="/devices"')).toBe(listsDevices);
  });

  it('ends with code 0 while somebody watches a session', async () => {
    const { process, address } = await start();
    const visitor = new Visitor(address);
    await visitor.logIn();
    const stream = await visitor.get('/session/events');
    expect(stream.status).toBe(200);
    // Ended from the server's side, in the middle of the stream.
    const watching = stream.text().catch((error: Error) => error.message);
    process.kill('SIGTERM');
    expect(await once(process, 'exit')).toEqual([0, null]);
    expect(await watching).toBe('terminated');
  });

  it('takes its engine from the environment', async () => {
    const main = join(demo, 'dist', 'main.js');
    const env = { SESSION_ENGINE: 'abacus', PORT: '0' };
    const { code, stdout, stderr } = await runNode([main], { cwd: tmpdir(), env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^The engine "abacus" \(setting engine, SESSION_ENGINE\) .*\.\n$/);
  });

  it.each([
    [{ PORT: 'http' }, 'PORT must be a whole number from 0 to 65535.'],
    [{ PORT: '65536' }, 'PORT must be a whole number from 0 to 65535.'],
    [{ PORT: '0', HOST: '192.0.2.1' }, 'The shop cannot listen on HOST 192.0.2.1'],
    [{ PORT: '0', SECRET_KEY: 'weak' }, 'secretKey (SECRET_KEY) has fewer than 32 characters'],
    [
      { PORT: '0', SESSION_COOKIE_AGE: 'long' },
      'The environment variable SESSION_COOKIE_AGE must be a number',
    ],
    [{ PORT: '0', SESSION_DB_URL: 'sqlite:/nowhere/x.sqlite3' }, 'db.url'],
  ])('stops in one sentence at %j', async (env, message) => {
    const main = join(demo, 'dist', 'main.js');
    const { code, stdout, stderr } = await runNode([main], {
      cwd: tmpdir(),
      env: env as unknown as Record<string, string>,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it('says that a port is taken', async () => {
    const other: Server = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    endings.push(() => other.close());
    const { port } = other.address() as { port: number };
    const main = join(demo, 'dist', 'main.js');
    const { code, stderr } = await runNode([main], { cwd: tmpdir(), env: { PORT: String(port) } });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Port ${port} of 127.0.0.1 is taken; choose another one with PORT.\n`,
    });
  });
});
