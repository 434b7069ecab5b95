/** A clock that stands still until a test moves it. */
export interface Clock {
  readonly now: () => Date;
  /** Moves the clock by seconds. */
  readonly advance: (seconds: number) => void;
}

/** @param start milliseconds since 1970; the default is the instant of most fixtures. */
export function createClock(start: number = 1_700_000_000_000): Clock {
  let ms = start;
  return {
    now: () => new Date(ms),
    advance: (seconds) => {
      ms += seconds * 1000;
    },
  };
}
