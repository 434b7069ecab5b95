import { checkValues } from './check-values.ts';
import type { Anomaly, Operation } from './history.ts';

/** What the place does not promise. */
export interface HistoryOptions {
  /** Reads before the end may show what was there before; what they show must still have been there once. */
  readonly mayBeStale?: boolean | undefined;
}

const done = ({ outcome }: Operation): boolean => outcome === 'done';
/** Whether it may have had an effect. */
const mayBeDone = ({ outcome }: Operation): boolean => outcome === 'done' || outcome === 'unknown';

/** What went wrong in a history; nothing, if all is well. */
export function checkHistory(
  operations: readonly Operation[],
  { mayBeStale = false }: HistoryOptions = {},
): Anomaly[] {
  const bySession = groupBy(operations, ({ session }) => session);
  return [
    ...sharedKeys(operations),
    ...[...bySession.values()].flatMap((own) => checkSession(own, mayBeStale)),
  ];
}

/** No two sessions were given the same key. */
function sharedKeys(operations: readonly Operation[]): Anomaly[] {
  const given = new Map<string, Operation>();
  return operations.flatMap((operation): Anomaly[] => {
    const { newKey, session } = operation;
    if (newKey === undefined) return [];
    const other = given.get(newKey);
    given.set(newKey, operation);
    return other && (other.session !== session || other.kind === operation.kind)
      ? [{ kind: 'shared key', operations: [other, operation] }]
      : [];
  });
}

function checkSession(operations: readonly Operation[], mayBeStale: boolean): Anomaly[] {
  const [creation] = operations.filter(({ kind }) => kind === 'create');
  const ends = operations.filter(({ kind }) => kind === 'end');
  const alive = operations.filter(
    (operation) => done(operation) && !['create', 'end'].includes(operation.kind),
  );
  const reads = alive.filter(({ kind }) => kind === 'read');
  const foreign = reads
    .filter(({ seen, session }) => seen?.marker !== session)
    .map((read): Anomaly => ({ kind: 'foreign data', operations: [read] }));
  // What another session's read showed says nothing of this one.
  const own = reads.filter(({ seen, session }) => seen?.marker === session);
  // What may be stale may show a key that was cycled, or that a session has lost; never one that was ended.
  const living = mayBeStale
    ? alive.filter(({ kind, isFinal }) => kind !== 'read' || isFinal)
    : alive;
  const anomalies = [
    ...foreign,
    ...revivals(operations, alive, living, ends),
    ...keysOf(operations, living, ends),
  ];
  if (!creation || !done(creation)) return anomalies;
  const exact = mayBeStale ? own.filter(({ isFinal }) => isFinal) : own;
  return [
    ...anomalies,
    ...entriesOf(operations, own, exact, creation),
    ...countsOf(operations, own, exact),
  ];
}

/** Nothing that began after an acknowledged end met the session; nor under a key that was seen to be dead. */
function revivals(
  operations: readonly Operation[],
  alive: readonly Operation[],
  living: readonly Operation[],
  ends: readonly Operation[],
): Anomaly[] {
  const acknowledged = ends.filter(done);
  const seen = operations.filter(({ outcome }) => outcome === 'absent');
  const after = (death: Operation, operation: Operation): Anomaly[] =>
    death.end < operation.start ? [{ kind: 'revived', operations: [death, operation] }] : [];
  return [
    ...alive.flatMap((operation) => acknowledged.flatMap((death) => after(death, operation))),
    ...living.flatMap((operation) =>
      seen.flatMap((death) => (death.key === operation.key ? after(death, operation) : [])),
    ),
  ];
}

function keysOf(
  operations: readonly Operation[],
  living: readonly Operation[],
  ends: readonly Operation[],
): Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const [key, own] of groupBy(operations, ({ key }) => key)) {
    if (key === undefined) continue;
    const cycles = own.filter(({ kind }) => kind === 'cycle');
    const [first, second] = cycles.filter(done);
    if (first && second) anomalies.push({ kind: 'two successors', operations: [first, second] });
    if (first) {
      const late = living.find((operation) => operation.key === key && operation.start > first.end);
      if (late) anomalies.push({ kind: 'alive under a cycled key', operations: [first, late] });
    }
    // Whoever is told that there is no session must have been preceded by somebody who may have ended it.
    const causes = [...ends, ...cycles].filter(mayBeDone);
    for (const operation of own.filter(({ outcome }) => outcome === 'absent')) {
      const hasCause = causes.some((cause) => cause !== operation && cause.start < operation.end);
      if (!hasCause) anomalies.push({ kind: 'lost session', operations: [operation] });
    }
  }
  return anomalies;
}

function entriesOf(
  operations: readonly Operation[],
  reads: readonly Operation[],
  exact: readonly Operation[],
  creation: Operation,
): Anomaly[] {
  const sets = operations.filter(({ kind }) => kind === 'set');
  const names = new Set(sets.map(({ entry }) => String(entry)));
  for (const { seen } of reads) for (const name of Object.keys(seen?.values ?? {})) names.add(name);
  return [...names].flatMap((name) => {
    const writes = sets.filter(({ entry }) => entry === name);
    const anomalies = checkValues(name, writes, exact, creation);
    if (exact.length === reads.length) return anomalies;
    // A stale value must have been there once.
    const invented = checkValues(name, writes, reads, creation);
    return [...anomalies, ...invented.filter(({ kind }) => kind === 'value out of nowhere')];
  });
}

/** A count is at least what was acknowledged before it was read, and at most what had been begun when it was. */
function countsOf(
  operations: readonly Operation[],
  reads: readonly Operation[],
  exact: readonly Operation[],
): Anomaly[] {
  const counts = operations.filter(({ kind }) => kind === 'count').filter(mayBeDone);
  const isExact = new Set(exact);
  return reads.flatMap((read): Anomaly[] => {
    const least = counts.filter((count) => done(count) && count.end < read.start).length;
    const most = counts.filter(({ start }) => start < read.end).length;
    const count = read.seen?.count ?? 0;
    if (count <= most && (count >= least || !isExact.has(read))) return [];
    return [{ kind: 'wrong count', operations: [read] }];
  });
}

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
