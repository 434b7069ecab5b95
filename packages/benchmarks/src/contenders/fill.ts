import type { Sessions } from '@coatcheck/core';
import { entriesOf, SMALL_BYTES } from '../application.ts';
import type { Stored } from '../places.ts';

/** Sessions that are being stored at once: a database then writes many of them together. */
const AT_ONCE = 500;

/**
 * Stores sessions, those of the visitors at equal distances among the others, so that these are as far from each other
 * as those of any site's visitors.
 *
 * @returns the Cookie headers of the visitors, in the order of their numbers.
 */
export async function fill(
  sessions: Sessions<Record<string, unknown>>,
  { sessions: count, visitors }: Stored,
): Promise<string[]> {
  const cookies: string[] = new Array(visitors).fill('');
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      const visitor = Math.ceil((i * visitors) / count);
      const isVisitor = visitor < visitors && Math.floor((visitor * count) / visitors) === i;
      const session = sessions.open();
      session.update(entriesOf(String(isVisitor ? visitor : visitors + i), SMALL_BYTES));
      await session.save();
      if (isVisitor) cookies[visitor] = `sessionid=${session.sessionKey}`;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return cookies;
}
