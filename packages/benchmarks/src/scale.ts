/** Where values lie on an axis. */
export interface Scale {
  /** The values to name along it, in order. */
  readonly ticks: readonly number[];
  /** From 0, where the axis begins, to 1. */
  at(value: number): number;
}

/**
 * An axis on which these values lie between round ones: from zero, or in decades.
 *
 * @param values none below zero; in decades all above it
 */
export function scaleOf(values: readonly number[], kind: 'from zero' | 'decades'): Scale {
  const most = Math.max(...values);
  if (kind === 'from zero') {
    const step = most > 0 ? roundUp(most / 5) : 1;
    const steps = Math.max(1, Math.ceil(most / step));
    const ticks = Array.from({ length: steps + 1 }, (_, i) => i * step);
    return { ticks, at: (value) => value / (steps * step) };
  }
  // The reciprocal of what is rounded up is rounded down: 2 and 5 change places.
  const ticks = [1 / roundUp(1 / Math.min(...values))];
  while (ticks.length === 1 || (ticks.at(-1) as number) < most) {
    ticks.push(roundUp((ticks.at(-1) as number) * 1.5));
  }
  return scaleThrough(ticks);
}

/** An axis in decades that begins and ends with these values and names them. @param values above zero */
export function scaleThrough(values: readonly number[]): Scale {
  const ticks = [...new Set(values)].sort((a, b) => a - b);
  const [first, last] = [Math.log10(ticks[0] as number), Math.log10(ticks.at(-1) as number)];
  // One value alone stands in the middle.
  return {
    ticks,
    at: (value) => (first === last ? 0.5 : (Math.log10(value) - first) / (last - first)),
  };
}

/** The next of 1, 2, 5, 10, 20, 50, and so on. */
function roundUp(value: number): number {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  // A negative power is not exact, its reciprocal is.
  const power = (factor: number): number =>
    exponent < 0 ? factor / 10 ** -exponent : factor * 10 ** exponent;
  const factor = [1, 2, 5, 10].find((each) => power(each) >= value * (1 - 1e-9)) ?? 10;
  return power(factor);
}
