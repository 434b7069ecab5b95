import type { InspectedSession } from '@coatcheck/core';
import { type Command, InvalidArgumentError } from 'commander';
import { duration } from './option-values.ts';

/** The options that name live sessions by what they are. */
export interface SelectionOptions {
  readonly olderThan?: number;
  readonly account?: string;
  readonly where?: readonly Entry[];
}

interface Entry {
  readonly name: string;
  readonly value: string;
}

/** Whether a session is one of those that are meant. */
export type Selection = (session: InspectedSession) => boolean;

/** Adds the options of a selection. */
export function addSelection(command: Command): Command {
  return command
    .option('--older-than <duration>', 'also live ones last saved before, such as 30d', duration)
    .option('--account <account>', 'live ones of this account')
    .option('--where <key=value>', 'live ones with this entry; repeat it for more', entry);
}

/** The sessions that the options name, all of them at once; `undefined` where there are none of these options. */
export function selectionOf(
  { olderThan, account, where = [] }: SelectionOptions,
  now: () => Date,
): Selection | undefined {
  const tests: Selection[] = where.map(({ name, value }) => (session) => {
    const text = session.entries.get(name);
    return text !== undefined && (text === value || text === JSON.stringify(value));
  });
  if (account !== undefined) tests.push((session) => session.account === account);
  if (olderThan !== undefined) {
    const before = now().getTime() - olderThan;
    tests.push(({ savedAt }) => savedAt !== undefined && savedAt.getTime() < before);
  }
  if (tests.length === 0) return undefined;
  return (session) => canBeEnded(session) && tests.every((test) => test(session));
}

/** Whether it is a session. One that is arriving would be used when its visitor next comes. */
export function canBeEnded({ state }: InspectedSession): boolean {
  return state === 'live' || state === 'arriving';
}

function entry(text: string, before: readonly Entry[] = []): Entry[] {
  const end = text.indexOf('=');
  if (end < 1) throw new InvalidArgumentError('It must be key=value, such as role=guest.');
  return [...before, { name: text.slice(0, end), value: text.slice(end + 1) }];
}
