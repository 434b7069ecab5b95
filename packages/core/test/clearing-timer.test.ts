import { ImproperlyConfigured } from '@coatcheck/core';
import { describe, expect, it, jest } from '@jest/globals';
import { memorySessions } from './support/sqlite-sessions.ts';

/** Timers that a test lets go off. */
function timers() {
  const waiting: { run: () => void; ms: number }[] = [];
  return {
    waiting,
    startTimer: (run: () => void, ms: number) => {
      const timer = { run, ms };
      waiting.push(timer);
      return () => {
        const at = waiting.indexOf(timer);
        if (at >= 0) waiting.splice(at, 1);
      };
    },
  };
}

describe('sessions.startClearing', () => {
  it('clears after about the interval, again and again, until it is stopped', async () => {
    const { sessions, clock } = memorySessions();
    const { waiting, startTimer } = timers();
    const counts: number[] = [];
    let cleared = (): void => undefined;
    const clearing = sessions.startClearing({
      every: 3600,
      startTimer,
      onCleared: (count) => {
        counts.push(count);
        cleared();
      },
    });
    for (const stored of [2, 0]) {
      for (let n = 0; n < stored; n += 1) {
        const session = sessions.open();
        session.setExpiry(60);
        await session.save();
      }
      clock.advance(3600);
      const timer = waiting.shift();
      expect(Math.abs(Number(timer?.ms) - 3_600_000)).toBeLessThanOrEqual(360_000);
      const done = new Promise<void>((resolve) => (cleared = resolve));
      timer?.run();
      await done;
      await new Promise(setImmediate);
    }
    expect(counts).toEqual([2, 0]);
    await clearing.stop();
    expect(waiting).toEqual([]);
    await sessions.close();
  });

  it('goes on after a failure, which it tells, and stops when the sessions are closed', async () => {
    const { sessions } = memorySessions();
    const { waiting, startTimer } = timers();
    const told = new Promise((onError) => {
      sessions.startClearing({ every: 60, batchSize: 0.5, startTimer, onError });
    });
    waiting.shift()?.run();
    expect(await told).toMatchObject({ name: 'RangeError' });
    await new Promise(setImmediate);
    expect(waiting).toHaveLength(1);
    await sessions.close();
    expect(waiting).toHaveLength(0);
  });

  it('goes on where nobody can be told of a failure, and warns of it', async () => {
    const { sessions } = memorySessions();
    const { waiting, startTimer } = timers();
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const onError = () => {
      throw new Error('the log is gone');
    };
    sessions.startClearing({ every: 60, batchSize: 0.5, startTimer, onError });
    waiting.shift()?.run();
    await new Promise(setImmediate);
    const options = { code: 'COATCHECK_CLEARING_FAILED' };
    expect(warn.mock.calls).toEqual([[expect.stringContaining('batchSize'), options]]);
    warn.mockRestore();
    expect(waiting).toHaveLength(1);
    await sessions.close();
  });

  it.each([0, -1, Number.NaN, 2_000_000])('refuses an interval of %d', async (every) => {
    const { sessions } = memorySessions();
    expect(() => sessions.startClearing({ every })).toThrow(ImproperlyConfigured);
    await sessions.close();
  });
});
