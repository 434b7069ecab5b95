import { parseArgs } from 'node:util';
import { describeMachine } from '../machine.ts';
import type { ClearingResult } from './clear-process.ts';
import { clearFiles } from './files.ts';
import { startProgram, told } from './programs.ts';
import { mariadbPlace, postgresqlPlace } from './server-place.ts';
import { sqlitePlace } from './sqlite-place.ts';
import type { TablePlace } from './table-place.ts';
import { WebLoad } from './web-load.ts';

// `npm run bench:clearing -- [sqlite|postgresql|mariadb|file…] [--rows 1000000] [--files 100000] [--seconds 90]`: what
// clearing takes; visitors are watched before and beside it for so many seconds each.

const opens = { sqlite: sqlitePlace, postgresql: postgresqlPlace, mariadb: mariadbPlace };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '1000000' },
    files: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '90' },
  },
});
const isWanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

const { date, cpu, cores, node, commit, versions } = describeMachine(
  ['better-sqlite3', 'pg', 'mysql2'],
  new Date(),
);
console.log(
  `${date}, ${cpu}, ${cores} cores, Node ${node}, ${commit}, ${JSON.stringify(versions)}`,
);
for (const [name, open] of Object.entries(opens)) {
  if (!isWanted(name)) continue;
  const place = await open();
  try {
    await measureTable(place, Number(values.rows));
  } finally {
    await place.close();
  }
}
if (isWanted('file')) await measureFiles(Number(values.files));

async function measureTable(place: TablePlace, rows: number): Promise<void> {
  console.log(`\n${place.name}, ${rows} sessions, half of them expired; ${place.durability}`);
  const now = new Date();
  await place.fill(rows, now);
  for (const name of ['raw', 'cleared', 'visited']) await place.copy(name);
  const { expired } = await place.count('raw', now);

  const start = performance.now();
  const deleted = await place.deleteExpired('raw', now);
  const rawMs = performance.now() - start;
  console.log(`one DELETE: ${seconds(rawMs)} for ${deleted}`);

  const cleared = await told<ClearingResult>(
    startProgram('clear-process', place.settings('cleared')),
  );
  const ratio = cleared.ms / rawMs;
  console.log(
    `clearExpired: ${seconds(cleared.ms)} for ${cleared.removed} of ${expired}: ${ratio.toFixed(2)} times one DELETE (at most ${place.limit}: ${verdict(ratio <= place.limit)})`,
  );
  tellSteps(cleared);
  const left = await place.count('cleared', now);
  if (left.expired > 0 || left.live !== rows - expired) throw new Error('Others are left.');
  await measureVisits(place);
}

async function measureVisits(place: TablePlace): Promise<void> {
  const site = startProgram('site-process', place.settings('visited'));
  const load = new WebLoad(await told<number>(site));
  try {
    await load.begin();
    const before = await load.during(new Promise(() => {}), Number(values.seconds));
    const program = startProgram('clear-process', place.settings('visited'));
    const clearing = told<ClearingResult>(program);
    const meanwhile = await load.during(clearing, Number(values.seconds));
    // Beside visitors it takes its time; what it did until now tells enough.
    if (program.connected) program.send('stop');
    const cleared = await clearing;
    const waits = (name: string, { p50, p99, longestWrite, slowWrites, ...rest }: typeof before) =>
      console.log(
        `visitors ${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; longest write ${longestWrite.toFixed(0)} ms, ${slowWrites} over 50 ms; ${rest.requests} requests, ${rest.failures} failed`,
      );
    waits('before', before);
    waits('during a clearing', meanwhile);
    const ratio = meanwhile.p99 / before.p99;
    console.log(`p99: ${ratio.toFixed(2)} times (at most 2: ${verdict(ratio <= 2)})`);
    console.log(`meanwhile: ${cleared.removed} removed in ${seconds(cleared.ms)}`);
    tellSteps(cleared);
  } finally {
    load.close();
    site.disconnect();
  }
}

async function measureFiles(count: number): Promise<void> {
  const { removed, rawMs, ms } = await clearFiles(count);
  const ratio = ms / rawMs;
  console.log(
    `\nfile, ${count} files: ${seconds(rawMs)} to read, open and unlink; clearExpired ${seconds(ms)} for ${removed}: ${ratio.toFixed(2)} times (at most 1.5: ${verdict(ratio <= 1.5)})`,
  );
}

function tellSteps({ steps, medianStepMs, p99StepMs, longestStepMs, ...memory }: ClearingResult) {
  console.log(
    `${steps} steps: median ${medianStepMs.toFixed(1)} ms, p99 ${p99StepMs.toFixed(1)} ms, longest ${longestStepMs.toFixed(1)} ms; memory ${memory.memoryEarlyMiB.toFixed(0)} MiB early on, ${memory.memoryMostMiB.toFixed(0)} MiB at most`,
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function verdict(isKept: boolean): string {
  return isKept ? 'kept' : 'missed';
}
