import type { Place } from '@coatcheck/faults';
import { afterAll, beforeAll, describe } from '@jest/globals';

/** Tests for each place, which is open meanwhile; skipped by name, with the reason, where there is none. */
export function describePlaces(
  title: string,
  places: readonly Place[],
  define: (place: Place) => void,
): void {
  for (const place of places) {
    if (place.missing !== undefined) {
      describe.skip(`${title}: ${place.name} (${place.missing})`, () => define(place));
      continue;
    }
    describe(`${title}: ${place.name}`, () => {
      beforeAll(() => place.open(), 60_000);
      define(place);
      afterAll(() => place.close(), 60_000);
    });
  }
}
