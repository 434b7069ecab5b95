import { quantile, summarize } from '@coatcheck/benchmarks';
import { describe, expect, it } from '@jest/globals';

describe('statistics', () => {
  it('take the middle of what was measured, in any order', () => {
    expect(summarize([9, 1, 5])).toEqual({ median: 5, low: 3, high: 7 });
    expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, low: 1.75, high: 3.25 });
    expect(summarize([7])).toEqual({ median: 7, low: 7, high: 7 });
  });

  it('are not moved by one measurement that went wrong', () => {
    expect(summarize([10, 11, 12, 13, 9000]).median).toBe(12);
  });

  it('do not change what they are given', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });

  it('do not make something of nothing', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});
