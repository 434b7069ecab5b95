import { memoryBackend } from '@coatcheck/cache';
import type { SessionBackend } from '@coatcheck/core';
import { signedCookiesBackend } from '@coatcheck/signed-cookies';
import { describe, expect, it } from '@jest/globals';
import { entriesOf, RawVisits, Visits } from '../src/micro/visits.ts';

describe('the requests that are measured inside a process', () => {
  it.each([100, 300, 61_440])('have sessions of about %d bytes', (bytes) => {
    const { length } = JSON.stringify(entriesOf(bytes));
    expect(length).toBeGreaterThan(bytes - 50);
    expect(length).toBeLessThanOrEqual(bytes + 20);
  });

  it.each([
    ['memory', memoryBackend],
    ['cookies', signedCookiesBackend],
  ] as const)('read and write sessions in %s', async (_, open) => {
    const calls = { load: 0, update: 0 };
    const counted = new Proxy<SessionBackend>(open(), {
      get(target, name) {
        if (name === 'load' || name === 'update') calls[name] += 1;
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const site = new Visits(counted);
    await site.fill(3);
    expect(site.stored).toBe(3);
    Object.assign(calls, { load: 0, update: 0 });
    await site.runs('untouched', 3)(0);
    expect(calls).toEqual({ load: 0, update: 0 });
    await site.runs('read', 3)(1);
    expect(calls).toEqual({ load: 1, update: 0 });
    for (const i of [0, 1, 2, 3]) await site.runs('write', 3)(i);
    expect(calls).toEqual({ load: 5, update: 4 });
    const commit = site.commits();
    for (const i of [0, 1, 2]) await commit(i);
    expect(calls).toEqual({ load: 6, update: 7 });
    await site.close();
  });

  it('are made with the driver alone too', async () => {
    const texts = new Map<string, string>();
    const site = new RawVisits({
      load: (key) => texts.get(key),
      create(data) {
        const key = `key${texts.size}`;
        texts.set(key, data);
        return key;
      },
      update(key, data) {
        texts.set(key, data);
        return key;
      },
    });
    await site.fill(3);
    await site.runs('read', 3)(0);
    for (const i of [0, 1, 2, 3]) await site.runs('write', 3)(i);
    expect([...texts.values()].map((text) => JSON.parse(text).n)).toEqual([2, 1, 1]);
  });
});
