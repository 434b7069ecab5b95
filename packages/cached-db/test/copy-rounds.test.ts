import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { CopyRounds } from '../src/copy-rounds.ts';

let dropped: string[][];
let isDown: boolean;
let rounds: CopyRounds;
beforeEach(() => {
  jest.useFakeTimers();
  dropped = [];
  isDown = false;
  rounds = new CopyRounds(async (keys) => {
    dropped.push([...keys]);
    return !isDown;
  });
});
afterEach(() => {
  jest.useRealTimers();
});
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

it('each key is dropped 0.1, 1, 5, 20 and 60 seconds after its write, and then forgotten', async () => {
  rounds.add('a');
  const times: number[] = [];
  for (let ms = 0; ms <= 120_000; ms += 100) {
    if (dropped.splice(0).length > 0) times.push(ms);
    await pass(100);
  }
  expect(times).toEqual([100, 1000, 5000, 20_000, 60_000]);
  expect(jest.getTimerCount()).toBe(0);
});

it('keys share rounds, and one that is written again begins anew', async () => {
  rounds.add('a');
  await pass(10);
  rounds.add('b');
  await pass(200);
  expect(dropped.flat().sort()).toEqual(['a', 'b']);
  dropped.length = 0;
  rounds.add('a');
  await pass(100);
  expect(dropped).toEqual([['a']]);
  await pass(800);
  expect(dropped).toEqual([['a'], ['b']]);
});

it('a key that is written during its round begins anew', async () => {
  let confirm = (_: boolean): void => undefined;
  const slow = new CopyRounds((keys) => {
    dropped.push([...keys]);
    return new Promise((resolve) => {
      confirm = resolve;
    });
  });
  slow.add('a');
  await pass(100);
  slow.add('a');
  confirm(true);
  await pass(99);
  expect(dropped).toHaveLength(1);
  await pass(1);
  expect(dropped).toHaveLength(2);
});

it('a round that is not confirmed is repeated every second until it is', async () => {
  isDown = true;
  rounds.add('a');
  await pass(3100);
  expect(dropped).toHaveLength(4);
  isDown = false;
  await pass(1000);
  const done = dropped.length;
  // The rounds that it missed follow at once.
  expect(done).toBe(6);
  await pass(800);
  expect(dropped).toHaveLength(done);
});

it('the last round is at the end, of all keys, and no other follows', async () => {
  rounds.add('a');
  await pass(150);
  rounds.add('b');
  dropped.length = 0;
  await rounds.close();
  expect(dropped).toEqual([['b', 'a']]);
  rounds.add('c');
  await pass(100_000);
  expect(dropped).toHaveLength(1);
  expect(jest.getTimerCount()).toBe(0);
});

it('100,000 keys are remembered; then those that were dropped most often are forgotten first', async () => {
  rounds.add('old');
  await pass(1500);
  for (let i = 0; i < 100_000; i += 1) rounds.add(`k${i}`);
  dropped.length = 0;
  await rounds.close();
  const keys = new Set(dropped.flat());
  expect(keys.size).toBe(100_000);
  expect(keys.has('old')).toBe(false);
  expect(keys.has('k0')).toBe(true);
});
