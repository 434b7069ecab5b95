import { existsSync } from 'node:fs';
import { postgresqlServer } from '@coatcheck/test-support';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testServer } from '../src/private-server.ts';

const variables = ['POSTGRESQL_URL', 'NOTHING_URL', 'REQUIRE_SERVICES'];
let before: (string | undefined)[];
beforeEach(() => {
  before = variables.map((name) => process.env[name]);
  for (const name of variables) delete process.env[name];
});
afterEach(() => {
  for (const [i, name] of variables.entries()) {
    if (before[i] === undefined) delete process.env[name];
    else process.env[name] = before[i];
  }
});

describe('a server for tests', () => {
  it('is the one that the environment names, which is neither started nor stopped', async () => {
    process.env.NOTHING_URL = 'nothing://localhost';
    const server = testServer('Nothing', 'NOTHING_URL', undefined);
    expect(server).toMatchObject({ missing: undefined, own: undefined });
    expect(await server.start()).toBe('nothing://localhost');
    await server.stop();
  });

  it('is missing where there is none, and says what to do', () => {
    const { missing } = testServer('Nothing', 'NOTHING_URL', undefined);
    expect(missing).toBe('Nothing is not installed, and NOTHING_URL names none');
  });

  it('must not be missing where services are required', () => {
    process.env.REQUIRE_SERVICES = '1';
    expect(() => testServer('Nothing', 'NOTHING_URL', undefined)).toThrow('NOTHING_URL');
  });

  it('leaves neither a process nor files behind', async () => {
    const server = postgresqlServer();
    const { own } = server;
    if (!own) return;
    await server.start();
    const { pid } = own;
    expect(() => process.kill(pid, 0)).not.toThrow();
    await server.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await server.stop();
  }, 60_000);
});
