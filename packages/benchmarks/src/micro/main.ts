import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeMachine } from '../machine.ts';
import { concurrency, heap, operations, type Row, sizes, stored } from './parts.ts';

// `npm run bench:micro -- [operations|sizes|stored|concurrency|heap…]`: what requests cost inside a process.

const parts = { operations, sizes, stored, concurrency, heap };
const titles: Readonly<Record<keyof typeof parts, string>> = {
  operations: 'What a request does, with a session of 300 bytes',
  sizes: 'By the size of the session, in bytes of JSON',
  stored: 'By the number of sessions stored; a thousand visitors, or all of them',
  concurrency: 'By the number of requests at once',
  heap: 'The heap by the number of requests done',
};
const names = Object.keys(parts) as (keyof typeof parts)[];
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(names as string[]).includes(name));
if (unknown !== undefined) throw new Error(`${unknown}: name ${names.join(', ')}.`);

const machine = describeMachine(['better-sqlite3', 'ioredis', 'lru-cache'], new Date());
const measured: Partial<Record<keyof typeof parts, readonly Row[]>> = {};
for (const name of names) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  measured[name] = await parts[name]();
  console.log(table(name, measured[name]));
}
if (wanted.length === 0) {
  const directory = path.join(import.meta.dirname, '../../../../docs/performance');
  const { date, cpu, cores, node, commit } = machine;
  const head = `# Inside a process\n\nMeasured by \`npm run bench:micro\` on ${date}: ${cpu}, ${cores} cores, Node ${node}, ${commit}. CPU is that of the process, user and system; the median of seven rounds. Requests are whole ones, from the cookie to the headers, without HTTP and Koa.\n`;
  const tables = names.map((name) => table(name, measured[name] ?? []));
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'micro.md'), [head, ...tables].join('\n'));
  const json = JSON.stringify({ machine, measured }, undefined, 2);
  writeFileSync(path.join(directory, 'micro.json'), `${json}\n`);
}
// What the backends leave to threads must not keep the process.
process.exit();

function table(name: keyof typeof parts, rows: readonly Row[]): string {
  const lines = rows.map(
    ({ what, of, micros, bytes }) =>
      `| ${what} | ${of} | ${micros.toFixed(1)} | ${Math.round(bytes)} |`,
  );
  return `## ${titles[name]}\n\n| | | µs | bytes |\n| --- | ---: | ---: | ---: |\n${lines.join('\n')}\n`;
}
