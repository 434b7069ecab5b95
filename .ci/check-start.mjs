// What `npm start` serves, checked with real requests; then that it ends cleanly, and starts again within seconds.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SECOND_START_MS = 5_000;
const directory = mkdtempSync(join(tmpdir(), 'coatcheck-start-'));

const running = new Set();

try {
  await visit(await start(120_000));
  await visit(await start(SECOND_START_MS));
  console.log('npm start: serves the shop, ends cleanly, starts again within five seconds');
} finally {
  for (const { pid } of running) process.kill(-pid, 'SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

async function start(withinMs) {
  const port = await freePort();
  const began = performance.now();
  const child = spawn('npm', ['start'], {
    env: {
      ...process.env,
      PORT: String(port),
      SESSION_DB_URL: `sqlite:${join(directory, 'sessions.sqlite3')}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const address = `http://127.0.0.1:${port}`;
  while (!output.includes(address)) {
    assert.equal(child.exitCode, null, `npm start ended: ${output}`);
    assert.ok(performance.now() - began < withinMs, `no address within ${withinMs} ms: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(`npm start: ready after ${Math.round(performance.now() - began)} ms`);
  return { address, child };
}

async function visit({ address, child }) {
  const anonymous = await fetch(address);
  assert.equal(anonymous.status, 200);
  assert.equal(anonymous.headers.get('set-cookie'), null, 'an anonymous page sets no cookie');

  const page = await anonymous.text();
  const form = /<form[^>]*action="([^"]*cart[^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page);
  assert.ok(form, 'the first page has a form that puts something into the cart');
  const fields = new URLSearchParams();
  for (const [input] of form[2].matchAll(/<(?:input|button)[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name) fields.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  const added = await fetch(new URL(form[1], address), {
    method: 'POST',
    body: fields,
    redirect: 'manual',
  });
  assert.equal(added.status, 303);
  assert.match(
    added.headers.get('set-cookie') ?? '',
    /^sessionid=[a-z0-9]{32}; expires=[^;]+; HttpOnly; Max-Age=1209600; Path=\/; SameSite=Lax$/,
  );
  assert.match(added.headers.get('vary') ?? '', /Cookie/);

  // To npm alone, as a process manager sends it; npm hands it on to the shop.
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(10_000) });
  child.kill('SIGTERM');
  const [code] = await exit;
  assert.equal(code, 0, 'npm start ends cleanly');
  await assert.rejects(fetch(address), 'the shop is gone');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
