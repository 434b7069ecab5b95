import type { InspectedSession, RecordState } from '@coatcheck/core';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CommandError, exitCodes } from './command-error.ts';
import { Progress } from './progress.ts';
import { bars } from './table.ts';

interface Options {
  readonly json?: true;
}

/** Days that are drawn; those after are one bar. */
const MOST_DAYS = 31;
const SMALLEST_BYTES = 64;

/** `coatcheck sessions stats` */
export function addSessionsStats(sessions: Command, context: CommandContext): void {
  sessions
    .command('stats')
    .description('Read every session and count: live and expired, per day, by size.')
    .option('--json', 'print the result as JSON')
    .action(({ json }: Options) =>
      context.interruptibly((signal) => stats(json === true, context, signal)),
    );
}

async function stats(json: boolean, context: CommandContext, signal: AbortSignal): Promise<void> {
  const counts = new Counts();
  const progress = new Progress(context, 'looked at');
  await context.withSessions(
    async ({ inspector }) => {
      try {
        for await (const { sessions } of inspector.scan({ signal })) {
          for (const session of sessions) counts.add(session);
          progress.show(counts.total);
        }
      } finally {
        progress.end();
      }
    },
    { table: true },
  );
  if (signal.aborted) throw new CommandError('Interrupted.', exitCodes.interrupted);
  if (json) return context.print(JSON.stringify(counts.asJson()));
  for (const line of counts.asText()) context.print(line);
}

/** What is counted of sessions; as large as there are days and sizes, however many sessions there are. */
class Counts {
  total = 0;
  #bytes = 0;
  #largest = 0;
  readonly #states = new Map<RecordState, number>();
  /** Live sessions by the day on which they end. */
  readonly #days = new Map<string, number>();
  /** Live sessions by the power of two that they fit in. */
  readonly #sizes = new Map<number, number>();

  add({ state, expiresAt, bytes }: InspectedSession): void {
    this.total += 1;
    increase(this.#states, state);
    if (state !== 'live') return;
    this.#bytes += bytes;
    this.#largest = Math.max(this.#largest, bytes);
    increase(this.#days, expiresAt?.toISOString().slice(0, 10) ?? 'never');
    increase(this.#sizes, Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, bytes)))));
  }

  asJson(): object {
    return {
      live: this.#of('live'),
      arriving: this.#of('arriving'),
      expired: this.#of('expired'),
      cycled: this.#of('cycled'),
      unreadable: this.#of('unreadable'),
      bytes: { total: this.#bytes, average: this.#average(), largest: this.#largest },
      endsPerDay: Object.fromEntries(sorted(this.#days)),
      sizes: sorted(this.#sizes).map(([upToBytes, sessions]) => ({ upToBytes, sessions })),
    };
  }

  asText(): string[] {
    const states = ['live', 'arriving', 'expired', 'cycled', 'unreadable'] as const;
    const lines = states
      .filter((state) => state === 'live' || state === 'expired' || this.#of(state) > 0)
      .map((state) => `${state.padEnd(10)} ${this.#of(state)}`);
    if (this.#of('live') === 0) return lines;
    return [
      ...lines,
      `${'bytes'.padEnd(10)} ${this.#bytes}, ${this.#average()} on average, ${this.#largest} at most`,
      '',
      'Live sessions by the day on which they end',
      ...bars(this.#drawnDays()),
      '',
      'Live sessions by size',
      ...bars(sorted(this.#sizes).map(([size, n]) => [`up to ${sizeText(size)}`, n] as const)),
    ];
  }

  #drawnDays(): (readonly [string, number])[] {
    const days = sorted(this.#days);
    if (days.length <= MOST_DAYS) return days;
    const later = days.slice(MOST_DAYS).reduce((sum, [, n]) => sum + n, 0);
    return [...days.slice(0, MOST_DAYS), ['later', later]];
  }

  #of(state: RecordState): number {
    return this.#states.get(state) ?? 0;
  }

  #average(): number {
    const live = this.#of('live');
    return live === 0 ? 0 : Math.round(this.#bytes / live);
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted<Key extends string | number>(counts: ReadonlyMap<Key, number>): [Key, number][] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

function sizeText(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
}
