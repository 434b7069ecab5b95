import { type Anomaly, checkHistory, type Operation } from '@coatcheck/faults';
import { describe, expect, it } from '@jest/globals';

let clock = 0;
/** An operation after all that was made before it; a later line of a history happens later. */
function op(
  kind: Operation['kind'],
  fields: Partial<Operation> = {},
  { at, until }: { at?: number; until?: number } = {},
): Operation {
  const start = at ?? ++clock;
  const end = until ?? (at === undefined ? ++clock : start + 1);
  return { kind, outcome: 'done', session: 'A', key: 'k', start, end, ...fields };
}

const created = () => op('create', { key: undefined, newKey: 'k' });
const set = (value: string, fields: Partial<Operation> = {}) =>
  op('set', { entry: 'e', value, ...fields });
const read = (value: string | undefined, fields: Partial<Operation> = {}) =>
  op('read', {
    seen: { marker: 'A', values: value === undefined ? {} : { e: value }, count: 0 },
    ...fields,
  });
const kinds = (anomalies: Anomaly[]) => [...new Set(anomalies.map(({ kind }) => kind))];
const check = (...operations: Operation[]) => kinds(checkHistory(operations));

describe('a history in which nothing is wrong', () => {
  it.each<[string, () => Operation[]]>([
    ['reads what was set', () => [created(), read(undefined), set('1'), read('1')]],
    [
      'reads the old or the new value while it is set, and then the new one',
      () => [
        created(),
        op('set', { entry: 'e', value: '1' }, { at: 1000, until: 1010 }),
        read(undefined, { start: 1001, end: 1002 }),
        read('1', { start: 1003, end: 1012 }),
      ],
    ],
    [
      'never sees a change that was refused, or one whose session had ended',
      () => [
        created(),
        set('1', { outcome: 'refused' }),
        read(undefined),
        op('end'),
        set('2', { outcome: 'absent' }),
      ],
    ],
    [
      'sees what was not acknowledged, late or never',
      () => [created(), set('1', { outcome: 'unknown' }), read(undefined), read('1')],
    ],
    [
      'goes on under the successor of a key',
      () => [
        created(),
        set('1'),
        op('cycle', { newKey: 'k2' }),
        read('1', { key: 'k2' }),
        op('read', { outcome: 'absent' }),
      ],
    ],
    [
      'ends by an end that was not acknowledged, or does not',
      () => [
        created(),
        op('end', { outcome: 'unknown' }),
        read(undefined),
        op('read', { outcome: 'absent' }),
      ],
    ],
    [
      'counts what was acknowledged, and perhaps what was not',
      () => [
        created(),
        op('count'),
        op('count', { outcome: 'unknown' }),
        read(undefined, { seen: { marker: 'A', values: {}, count: 2 } }),
      ],
    ],
  ])('%s', (_, history) => {
    expect(check(...history())).toEqual([]);
  });
});

describe('a history is refused', () => {
  it.each<[Anomaly['kind'], string, () => Operation[]]>([
    [
      'foreign data',
      'when a read shows the marker of another session',
      () => [created(), read(undefined, { seen: { marker: 'B', values: {}, count: 0 } })],
    ],
    [
      'revived',
      'when a read succeeds that began after an acknowledged end',
      () => [created(), op('end'), read(undefined)],
    ],
    [
      'revived',
      'when that read has another key of the session',
      () => [
        created(),
        op('cycle', { newKey: 'k2' }),
        op('end', { key: 'k2' }),
        read(undefined, { key: 'k' }),
      ],
    ],
    [
      'revived',
      'when a change is acknowledged that began after the end',
      () => [created(), op('end'), set('1')],
    ],
    [
      'revived',
      'when a key works again that was seen to be dead',
      () => [
        created(),
        op('end', { outcome: 'unknown' }),
        op('read', { outcome: 'absent' }),
        read(undefined),
      ],
    ],
    [
      'alive under a cycled key',
      'when the old key is read after an acknowledged cycle',
      () => [created(), op('cycle', { newKey: 'k2' }), read(undefined)],
    ],
    [
      'alive under a cycled key',
      'when the old key takes a change after an acknowledged cycle',
      () => [created(), op('cycle', { newKey: 'k2' }), set('1')],
    ],
    [
      'lost session',
      'when a session is absent that nobody ended',
      () => [created(), op('read', { outcome: 'absent' })],
    ],
    [
      'lost session',
      'when all that could have ended it was refused',
      () => [created(), op('end', { outcome: 'refused' }), op('read', { outcome: 'absent' })],
    ],
    [
      'lost session',
      'when it was absent before anybody ended it',
      () => [created(), op('read', { outcome: 'absent' }), op('end')],
    ],
    [
      'two successors',
      'when a key was cycled twice',
      () => [
        created(),
        op('cycle', { newKey: 'k2' }, { at: 100, until: 110 }),
        op('cycle', { newKey: 'k3' }, { at: 100, until: 110 }),
      ],
    ],
    [
      'shared key',
      'when two sessions got the same key',
      () => [created(), op('create', { session: 'B', key: undefined, newKey: 'k' })],
    ],
    [
      'lost or stale value',
      'when an acknowledged change is missing',
      () => [created(), set('1'), read(undefined)],
    ],
    [
      'lost or stale value',
      'when an older value is read than was acknowledged',
      () => [created(), set('1'), set('2'), read('1')],
    ],
    [
      'lost or stale value',
      'when a value comes back that another had replaced',
      () => [created(), set('1'), read('1'), set('2'), read('2'), read('1')],
    ],
    [
      'lost or stale value',
      'when the change is missing under the successor',
      () => [created(), set('1'), op('cycle', { newKey: 'k2' }), read(undefined, { key: 'k2' })],
    ],
    [
      'lost or stale value',
      'when a change is missing that was acknowledged while another one was',
      () => [
        created(),
        op('set', { entry: 'e', value: '1' }, { at: 1000, until: 1010 }),
        op('set', { entry: 'e', value: '2' }, { at: 1000, until: 1010 }),
        read(undefined, { start: 1020, end: 1021 }),
      ],
    ],
    [
      'lost or stale value',
      'when two readers see two changes in different orders',
      () => [
        created(),
        op('set', { entry: 'e', value: '1' }, { at: 1000, until: 1100 }),
        op('set', { entry: 'e', value: '2' }, { at: 1000, until: 1100 }),
        read('1', { start: 1010, end: 1011 }),
        read('2', { start: 1012, end: 1013 }),
        read('1', { start: 1014, end: 1015 }),
      ],
    ],
    ['value out of nowhere', 'when a value is read that nobody set', () => [created(), read('1')]],
    [
      'value out of nowhere',
      'when it is read before it was set',
      () => [created(), read('1'), set('1')],
    ],
    [
      'value out of nowhere',
      'when it is there although its change was refused',
      () => [created(), set('1', { outcome: 'refused' }), read('1')],
    ],
    [
      'value out of nowhere',
      'when it is there although its session was said to have ended',
      () => [
        created(),
        op('end', { outcome: 'unknown' }),
        set('1', { outcome: 'absent', key: 'old' }),
        read('1'),
      ],
    ],
    [
      'wrong count',
      'when an acknowledged count is missing',
      () => [
        created(),
        op('count'),
        op('count'),
        read(undefined, { seen: { marker: 'A', values: {}, count: 1 } }),
      ],
    ],
    [
      'wrong count',
      'when one was counted twice',
      () => [
        created(),
        op('count'),
        read(undefined, { seen: { marker: 'A', values: {}, count: 2 } }),
      ],
    ],
  ])('for %s, %s', (kind, _, history) => {
    expect(check(...history())).toContain(kind);
  });
});

describe('a place that may be stale for a while', () => {
  const finally_ = { isFinal: true };
  const stale = (...operations: Operation[]) =>
    kinds(checkHistory(operations, { mayBeStale: true }));

  it('may show what was there before', () => {
    expect(
      stale(created(), set('1'), set('2'), read('1'), read(undefined), read('2', finally_)),
    ).toEqual([]);
    expect(stale(created(), op('cycle', { newKey: 'k2' }), read(undefined))).toEqual([]);
  });

  it.each<[Anomaly['kind'], string, () => Operation[]]>([
    [
      'lost or stale value',
      'has lost a change in the end',
      () => [created(), set('1'), set('2'), read('1', finally_)],
    ],
    ['value out of nowhere', 'shows what was never there', () => [created(), read('1')]],
    [
      'revived',
      'shows a session after an acknowledged end',
      () => [created(), op('end'), read(undefined)],
    ],
    [
      'alive under a cycled key',
      'takes a change under a cycled key',
      () => [created(), op('cycle', { newKey: 'k2' }), set('1')],
    ],
    [
      'wrong count',
      'has lost a count in the end',
      () => [created(), op('count'), read(undefined, finally_)],
    ],
    [
      'wrong count',
      'shows more than was counted',
      () => [created(), read(undefined, { seen: { marker: 'A', values: {}, count: 1 } })],
    ],
    [
      'foreign data',
      'shows what belongs to another session',
      () => [created(), read(undefined, { seen: { marker: 'B', values: {}, count: 0 } })],
    ],
  ])('is refused for %s when it %s', (kind, _, history) => {
    expect(stale(...history())).toContain(kind);
  });
});
