import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { startRedis } from '@coatcheck/test-support';
import { contenders } from './contenders.mjs';

// Prints what each session middleware makes of the same faults, as a table: npm run compare
const PATIENCE_MS = 6000;

/** A browser with a cookie jar. */
class Visitor {
  #port;
  #cookies = new Map();

  constructor(port) {
    this.#port = port;
  }

  /** Status and body; the status is `none` where no answer comes. */
  get(route, { keepCookies = true } = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const start = performance.now();
    return new Promise((resolve) => {
      const options = { port: this.#port, path: route, headers: { cookie }, agent: false };
      const none = () => resolve({ status: 'none', ms: performance.now() - start });
      const request = http.get(options, (response) => {
        let body = '';
        response.on('data', (piece) => {
          body += piece;
        });
        response.on('end', () => {
          if (keepCookies) this.#keep(response.headers['set-cookie'] ?? []);
          const ms = performance.now() - start;
          resolve({ status: response.statusCode, body, ms });
        });
      });
      request.setTimeout(PATIENCE_MS, () => request.destroy());
      request.on('error', none);
    });
  }

  #keep(lines) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const namesIn = ({ body }) => {
  try {
    return JSON.parse(body).names ?? [];
  } catch {
    return [];
  }
};

/** The faults, by what the table says of them. */
const faults = {
  '100 parallel requests of 20 ms, each sets an entry of its own': async ({ visitor }) => {
    await visitor.get('/change?name=user');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        visitor.get(`/slow?name=n${i}&ms=20`, { keepCookies: false }),
      ),
    );
    const acknowledged = answers.filter(({ status }) => status === 200).length;
    const kept = namesIn(await visitor.get('/read')).filter((name) => /^n\d/.test(name)).length;
    return `${acknowledged} answered 200, ${kept} kept`;
  },
  'logout while a slower request is under way, 20 times': async ({ newVisitor }) => {
    let back = 0;
    const statuses = new Set();
    for (let i = 0; i < 20; i += 1) {
      const visitor = newVisitor();
      await visitor.get('/change?name=user');
      const slow = visitor.get('/slow?name=late&ms=200', { keepCookies: false });
      await pause(50);
      await visitor.get('/logout', { keepCookies: false });
      statuses.add((await slow).status);
      if (namesIn(await visitor.get('/read', { keepCookies: false })).includes('user')) back += 1;
    }
    return `user back ${back} of 20 times (slow request: ${[...statuses].join(', ')})`;
  },
  'the stored value is garbage': async ({ visitor, redis }) => {
    await visitor.get('/change?name=user');
    for (const key of await keysOf(redis)) await redis.command('set', key, '{garbage');
    const answers = [];
    for (let i = 0; i < 3; i += 1) answers.push(await visitor.get('/read'));
    return answers.map(({ status }) => status).join(', ');
  },
  'the stored value has the entry `__proto__`': async ({ visitor, redis }) => {
    await visitor.get('/change?name=user');
    for (const key of await keysOf(redis)) {
      const text = await redis.command('get', key);
      await redis.command('set', key, text.replace('{', '{"__proto__":{"isAdmin":true},'));
    }
    const { status, body } = await visitor.get('/read');
    const isAdmin = status === 200 && JSON.parse(body).isAdmin === true;
    return `${status}${status === 200 ? `, isAdmin ${isAdmin}` : ''}`;
  },
  'Redis is full (`noeviction`)': async ({ visitor, redis }) => {
    await visitor.get('/change?name=user');
    await redis.command('config', 'set', 'maxmemory', '1');
    const { status } = await visitor.get('/change?name=late');
    await redis.command('config', 'set', 'maxmemory', '0');
    const kept = namesIn(await visitor.get('/read')).includes('late');
    return `${status}, ${kept ? 'kept' : 'not kept'}`;
  },
  'Redis hangs (`CLIENT PAUSE`)': async ({ visitor, redis }) => {
    await visitor.get('/change?name=user');
    await redis.command('client', 'pause', '20000', 'ALL');
    return timed(await visitor.get('/read'));
  },
  'Redis is killed': async ({ visitor, redis }) => {
    await visitor.get('/change?name=user');
    await redis.signal('SIGKILL');
    return timed(await visitor.get('/read'));
  },
};

function timed({ status, ms }) {
  if (status === 'none') return `no answer in ${PATIENCE_MS / 1000} s`;
  return `${status} after ${(ms / 1000).toFixed(1)} s`;
}

async function keysOf(redis) {
  return (await redis.command('keys', '*')).split('\n').filter(Boolean);
}

function versionOf(name) {
  let directory = path.dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const { name: found, version } = JSON.parse(
        readFileSync(path.join(directory, 'package.json')),
      );
      if (found === name) return `${name} ${version}`;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    directory = path.dirname(directory);
  }
}

const titles = contenders.map(({ packages }) => packages.map(versionOf).join(', '));
console.log(`| fault | ${titles.join(' | ')} |\n| --- |${' --- |'.repeat(titles.length)}`);
for (const [name, run] of Object.entries(faults)) {
  const cells = [];
  for (const { open } of contenders) {
    const redis = await startRedis({ config: { 'maxmemory-policy': 'noeviction' } });
    const { server, close } = await open(redis.url);
    const newVisitor = () => new Visitor(server.address().port);
    cells.push(await run({ visitor: newVisitor(), newVisitor, redis }));
    server.closeAllConnections();
    server.close();
    await redis.stop();
    await close().catch(() => {});
  }
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
process.exit();
