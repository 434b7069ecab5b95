import { describe, expect, it } from '@jest/globals';
import { ALONE_AFTER_MS, ClearingPace, type PaceSettings } from '../src/clearing-pace.ts';

/** A pace whose clock only moves by work and rests. */
function paceOf(settings: Partial<PaceSettings> = {}) {
  const clock = { ms: 0 };
  const rests: number[] = [];
  let othersWrite = false;
  const pace = new ClearingPace(
    {
      ...{ most: 10_000, aloneMs: 80, besideMs: 10, haveOthersWritten: () => othersWrite },
      ...settings,
    },
    {
      now: () => clock.ms,
      async wait(ms) {
        if (ms > 0) rests.push(ms);
        clock.ms += ms;
      },
    },
  );
  return {
    pace,
    rests,
    others: (write: boolean) => {
      othersWrite = write;
    },
    /** Runs a batch of which each row takes so long, and rests; how many rows that were. */
    async batch(msPerRow: number): Promise<number> {
      const { rows } = pace;
      const run = pace.timed({ sql: '', values: [] });
      run.next();
      clock.ms += rows * msPerRow;
      run.next({ rows: [], changes: rows });
      await pace.rest();
      return rows;
    },
    async pass(ms: number): Promise<void> {
      clock.ms += ms;
      await pace.rest();
    },
  };
}

describe('ClearingPace', () => {
  it('begins with small batches, and rests longer than it worked, since there may be others', async () => {
    const { pace, rests, batch } = paceOf();
    for (let n = 0; n < 5; n += 1) await batch(0.1);
    expect(pace.isAlone).toBe(false);
    expect(pace.rows).toBe(100);
    // Half of it before what is to be tidied, half after it.
    expect(rests.map(Math.round)).toEqual(Array(10).fill(20));
  });

  it('takes large batches without a rest once nobody else has written for a while', async () => {
    const { pace, rests, batch, pass } = paceOf();
    await pass(ALONE_AFTER_MS);
    expect(pace.isAlone).toBe(true);
    rests.length = 0;
    for (let n = 0; n < 5; n += 1) await batch(0.1);
    expect(pace.rows).toBe(800);
    expect(rests).toEqual([]);
  });

  it('makes way at once when somebody writes again, and for as long as they do', async () => {
    const { pace, rests, batch, pass, others } = paceOf();
    await pass(ALONE_AFTER_MS);
    for (let n = 0; n < 5; n += 1) await batch(0.1);
    others(true);
    await batch(0.1);
    expect(pace.isAlone).toBe(false);
    expect(pace.rows).toBe(100);
    rests.length = 0;
    await batch(0.1);
    expect(rests.map(Math.round)).toEqual([20, 20]);
    await pass(ALONE_AFTER_MS);
    expect(pace.isAlone).toBe(false);
    others(false);
    await pass(ALONE_AFTER_MS - 1000);
    expect(pace.isAlone).toBe(false);
    await pass(1000);
    expect(pace.isAlone).toBe(true);
  });

  it('keeps batches small where they hold up visitors, but does not rest while there are none', async () => {
    const { pace, rests, batch, pass } = paceOf({ holdsUp: () => true });
    await pass(ALONE_AFTER_MS);
    rests.length = 0;
    for (let n = 0; n < 5; n += 1) await batch(0.1);
    expect(pace.isAlone).toBe(false);
    expect(pace.rows).toBe(100);
    expect(rests).toEqual([]);
  });

  it('tidies between two halves of a rest, thoroughly only when alone', async () => {
    const tidied: boolean[] = [];
    const { batch, pass } = paceOf({ tidy: (isShort) => tidied.push(isShort) });
    await batch(0.1);
    await pass(ALONE_AFTER_MS);
    expect(tidied).toEqual([true, false]);
  });

  it('never rests where others do not matter', async () => {
    const { pace, rests, batch } = paceOf({ haveOthersWritten: undefined });
    await batch(0.1);
    expect(pace.isAlone).toBe(true);
    expect(rests).toEqual([]);
  });

  it('rests for a fraction of a second at most', async () => {
    const { rests, batch } = paceOf();
    await batch(100);
    expect(Math.max(...rests)).toBeLessThanOrEqual(200);
  });
});
