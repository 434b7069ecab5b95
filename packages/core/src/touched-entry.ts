import type { Step } from './changes.ts';

/** An entry that the request has touched. */
export interface Touched {
  /** The live value; the application may hold it too and change it in place. */
  value: unknown;
  present: boolean;
  /** The entry's text after the last step; `undefined`: absent. */
  text: string | undefined;
  /** Set or deleted since the last step, even if to the same value. */
  assigned: boolean;
  /** What happened since the record was loaded or last saved; see `addStep`. */
  steps: Step[];
  /** How many of the steps are in the snapshot that is being saved. */
  sent: number;
  /** Others have overtaken the value, and the application may still hold it. */
  held: boolean;
}

export const NO_STEPS: Step[] = [];

/** Steps that were sent, or are none, are shared: with the snapshot, or with all other entries. */
export function addStep(touched: Touched, step: Step): void {
  if (touched.steps.length === 0) touched.steps = [step];
  else if (touched.steps.length === touched.sent) touched.steps = [...touched.steps, step];
  else touched.steps.push(step);
}
