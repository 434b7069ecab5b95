import { describe, expect, it } from '@jest/globals';
import { BatchSize } from '../src/batch-size.ts';

/** Sizes of batches, one after the other, where a row takes so long. */
function sizes(batch: BatchSize, clock: { ms: number }, msPerRow: number, count: number): number[] {
  return Array.from({ length: count }, () => {
    const { rows } = batch;
    const run = batch.timed({ sql: '', values: [] });
    run.next();
    clock.ms += rows * msPerRow;
    const outcome = { rows: [], changes: rows };
    expect(run.next(outcome)).toEqual({ done: true, value: outcome });
    return rows;
  });
}

function batchOf(most: number) {
  const clock = { ms: 0 };
  return { clock, batch: new BatchSize(most, 15, () => clock.ms) };
}

describe('BatchSize', () => {
  it('grows by no more than double to what takes as long as is wanted', () => {
    const { batch, clock } = batchOf(10_000);
    expect(sizes(batch, clock, 0.01, 6)).toEqual([100, 200, 400, 800, 1500, 1500]);
  });

  it('shrinks where rows become slow, and grows again', () => {
    const { batch, clock } = batchOf(1000);
    expect(sizes(batch, clock, 0.001, 5)).toEqual([100, 200, 400, 800, 1000]);
    expect(sizes(batch, clock, 0.1, 5)).toEqual([1000, 500, 250, 150, 150]);
    expect(sizes(batch, clock, 0.01, 5)).toEqual([150, 300, 600, 1000, 1000]);
  });

  it('never goes beyond the most, nor to nothing', () => {
    const few = batchOf(4);
    expect(sizes(few.batch, few.clock, 0, 3)).toEqual([4, 4, 4]);
    const slow = batchOf(1000);
    expect(sizes(slow.batch, slow.clock, 100, 6)).toEqual([100, 50, 25, 20, 20, 20]);
  });
});
