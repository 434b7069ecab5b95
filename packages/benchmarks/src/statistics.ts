/** The middle of several measurements, and between which values the middle half of them lies. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The value below which this share of the others lies, between neighbours in proportion. @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('There is no quantile of nothing.');
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

export function summarize(values: readonly number[]): Summary {
  return {
    median: quantile(values, 0.5),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
  };
}

/** Less than this share of the least so far counts as cheaper. */
const CHEAPER = 0.95;
/** So many in a row that are not. */
const STEADY = 2;

/** Whether what has been getting cheaper, one measurement after the other, has stopped to. */
export function isSteady(costs: readonly number[]): boolean {
  let least = Number.POSITIVE_INFINITY;
  let steady = 0;
  for (const cost of costs) {
    steady = cost < least * CHEAPER ? 0 : steady + 1;
    least = Math.min(least, cost);
  }
  return steady >= STEADY;
}
