import { isSteady, quantile, summarize } from '@coatcheck/benchmarks';
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

describe('what gets cheaper', () => {
  it.each([
    ['not before it is measured', [], false],
    ['not while it goes on', [600, 400, 300, 250, 200], false],
    ['not after one that was no cheaper', [600, 400, 390], false],
    ['after two in a row', [600, 400, 390, 385], true],
    ['not where it goes on after one', [600, 400, 390, 300, 310], false],
    ['after two that were dearer', [600, 400, 900, 800], true],
  ])('is steady %s', (_, costs, steady) => {
    expect(isSteady(costs)).toBe(steady);
  });
});
