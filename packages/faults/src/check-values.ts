import type { Anomaly, Operation } from './history.ts';

/** What an entry holds before it is set. */
const NOTHING = '';

/** A value, from where its operations all overlap or leave a gap. */
interface Zone {
  readonly value: string;
  /** When the first of its operations ended, and when the last one began. */
  readonly firstEnd: number;
  readonly lastStart: number;
  readonly operations: readonly Operation[];
}

/**
 * Whether an entry of a session behaved like one place that is read and written at one instant of each operation.
 * Since no two writes write the same, that is so exactly if no two values were there at the same time (P. Gibbons,
 * E. Korach: Testing Shared Memories, 1997): a value whose operations do not all overlap was there from the end of the
 * first to the start of the last (forward); one whose operations overlap was there at some instant between (backward).
 */
export function checkValues(
  entry: string,
  writes: readonly Operation[],
  reads: readonly Operation[],
  creation: Operation,
): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const writeOf = new Map(writes.map((write) => [write.value as string, write]));
  const readsOf = new Map<string, Operation[]>();
  for (const read of reads) {
    const value = read.seen?.values[entry] ?? NOTHING;
    const write = value === NOTHING ? creation : writeOf.get(value);
    const cannotBe =
      write === undefined ||
      write.start > read.end ||
      (write !== creation && write.outcome !== 'done' && write.outcome !== 'unknown');
    if (cannotBe) {
      const operations = write ? [write, read] : [read];
      anomalies.push({ kind: 'value out of nowhere', operations });
      continue;
    }
    readsOf.set(value, [...(readsOf.get(value) ?? []), read]);
  }
  const zones: Zone[] = [zoneOf(NOTHING, creation, readsOf.get(NOTHING) ?? [])];
  for (const [value, write] of writeOf) {
    const seen = readsOf.get(value) ?? [];
    // What nobody was told of, and nobody saw, need not have been there.
    if (write.outcome === 'done' || seen.length > 0) zones.push(zoneOf(value, write, seen));
  }
  return [...anomalies, ...conflictsOf(zones)];
}

function zoneOf(value: string, write: Operation, reads: readonly Operation[]): Zone {
  // A write without an answer may still have been under way when its client had given up.
  const writeEnd = write.outcome === 'done' ? write.end : Number.POSITIVE_INFINITY;
  return {
    value,
    firstEnd: reads.reduce((end, read) => Math.min(end, read.end), writeEnd),
    lastStart: reads.reduce((start, read) => Math.max(start, read.start), write.start),
    operations: [write, ...reads],
  };
}

function conflictsOf(zones: readonly Zone[]): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const forward = zones
    .filter(({ firstEnd, lastStart }) => firstEnd < lastStart)
    .sort((a, b) => a.firstEnd - b.firstEnd);
  const conflict = (one: Zone, other: Zone): void => {
    const operations = [one, other].flatMap((zone) => zone.operations);
    anomalies.push({ kind: 'lost or stale value', operations });
  };
  let widest: Zone | undefined;
  for (const zone of forward) {
    if (widest && zone.firstEnd < widest.lastStart) conflict(widest, zone);
    if (!widest || zone.lastStart > widest.lastStart) widest = zone;
  }
  for (const zone of zones) {
    if (zone.firstEnd < zone.lastStart) continue;
    const around = forward.find(
      (other) => other.firstEnd < zone.lastStart && zone.firstEnd < other.lastStart,
    );
    if (around) conflict(around, zone);
  }
  return anomalies;
}
