import { clearingTests } from './clearing.ts';
import { closingTests } from './closing.ts';
import type { ConformanceTest, Inabilities } from './conformance-test.ts';
import { creatingTests } from './creating.ts';
import { deletingTests } from './deleting.ts';
import { expiringTests } from './expiring.ts';
import { type CreateBackend, Place } from './place.ts';
import { racingTests } from './racing.ts';
import { touchingTests } from './touching.ts';
import { updatingTests } from './updating.ts';

export type { Inabilities };

type Test = (title: string, run: () => Promise<void>) => unknown;

/** The two functions that jest, vitest, mocha and node:test have in common. */
export interface TestRunner {
  readonly describe: (title: string, define: () => void) => unknown;
  /** With `skip` where the runner has it; otherwise a skipped test is left out. */
  readonly it: Test & { readonly skip?: Test };
}

/** Settings of `describeSessionBackend`. */
export interface ConformanceOptions {
  /** What the backend cannot do, and why; empty when it can do everything. */
  readonly cannot?: Inabilities;
}

const groups: Readonly<Record<string, readonly ConformanceTest[]>> = {
  create: creatingTests,
  update: updatingTests,
  touch: touchingTests,
  delete: deletingTests,
  expiry: expiringTests,
  clearExpired: clearingTests,
  'concurrent calls': racingTests,
  close: closingTests,
};

/**
 * Defines the tests that every session backend has to pass, in any test runner. Time does not pass in them unless they
 * move the clock of their context, so that a backend must ask that clock what has expired.
 *
 * @param createBackend makes an empty place for one test.
 */
export function describeSessionBackend(
  { describe, it }: TestRunner,
  name: string,
  createBackend: CreateBackend,
  { cannot = {} }: ConformanceOptions = {},
): void {
  describe(`${name} is a session backend`, () => {
    for (const [group, tests] of Object.entries(groups)) {
      describe(group, () => {
        for (const { title, needs = [], hashKeys = false, run } of tests) {
          const test = (): Promise<void> => Place.with(createBackend, hashKeys, run);
          const reason = needs
            .map((ability) => cannot[ability])
            .find((given) => given !== undefined);
          if (reason === undefined) it(title, test);
          else it.skip?.(`${title} (${reason})`, test);
        }
      });
    }
  });
}
