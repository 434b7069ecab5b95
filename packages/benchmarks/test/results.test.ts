import { createHistogram } from 'node:perf_hooks';
import { describe, expect, it } from '@jest/globals';
import type { Contender } from '../src/contender.ts';
import type { Track } from '../src/heat.ts';
import { cellsOf } from '../src/results.ts';

/** A contender that took so many microseconds for each of ten requests of a round. */
function track(name: string, role: Contender['role'], micros: readonly number[]): Track {
  const latencies = createHistogram();
  latencies.record(1);
  return {
    contender: { name, role, framework: 'koa', packages: [] },
    rounds: micros.map((each) => ({ requests: 10, cpuMicros: 10 * each, seconds: 1 })),
    latencies,
    usage: { cpuMicros: 0, rssBytes: 0 },
  };
}

describe('what a session adds', () => {
  // Two processes of two rounds each; the second process of bare Koa is a slow one.
  const bare = track('bare', 'bare', [10, 10, 30, 30]);

  it('is what its process takes more than the bare one that was started with it, round by round', () => {
    const ours = track('ours', 'ours', [11, 12, 33, 34]);
    const [, cell] = cellsOf('memory', 'read', [bare, ours]);
    expect(cell?.added).toEqual({ median: 2.5, low: 1.75, high: 3.25 });
    expect(cell?.requests).toBe(40);
  });

  it('is what a single process takes more than all the bare ones in that round', () => {
    const [, cell] = cellsOf('memory', 'read', [bare, track('peer', 'peer', [25, 45])]);
    expect(cell?.added.median).toBe(15);
    expect(cell?.timesBareKoa.median).toBe(1.75);
  });

  it('stands beside what ours adds in the heat of a peer', () => {
    const tracks = [bare, track('ours', 'ours', [13, 13, 33, 33]), track('peer', 'peer', [25, 45])];
    const cells = cellsOf('memory', 'read', tracks);
    expect(cells.map(({ oursAdd }) => oursAdd)).toEqual([undefined, undefined, { ours: 3 }]);
  });
});
