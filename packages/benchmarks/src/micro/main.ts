import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeMachine } from '../machine.ts';
import { concurrency, heap, operations, type Row, sizes, stored } from './parts.ts';
import {
  type MicroReport,
  microFiles,
  type PartName,
  partNames,
  readMicroReport,
  section,
} from './report.ts';

// `npm run bench:micro -- [operations|sizes|stored|concurrency|heap…] [--docs]`: what requests cost inside a process.

const measures: Readonly<Record<PartName, () => Promise<Row[]>>> = {
  ...{ operations, sizes, stored, concurrency, heap },
};
const named = process.argv.slice(2).filter((argument) => argument !== '--docs');
const unknown = named.find((name) => !(partNames as readonly string[]).includes(name));
if (unknown !== undefined) throw new Error(`${unknown}: name ${partNames.join(', ')}, or --docs.`);

const isWhole = named.length === 0;
const isForDocs = isWhole || process.argv.includes('--docs');
const directory = path.join(import.meta.dirname, '../../../../docs/performance');
// Before anything is measured, so that a file that cannot be read costs no measurement.
let report: MicroReport = isForDocs && !isWhole ? shown() : {};
const machine = describeMachine(['better-sqlite3', 'ioredis', 'lru-cache'], new Date());
for (const name of partNames) {
  if (!isWhole && !named.includes(name)) continue;
  const measured = { machine, rows: await measures[name]() };
  console.log(`${section(name, measured)}\n`);
  report = { ...report, [name]: measured };
}
if (isForDocs) {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of microFiles(report)) writeFileSync(path.join(directory, name), text);
}
// What the backends leave to threads must not keep the process.
process.exit();

function shown(): MicroReport {
  const file = path.join(directory, 'micro.json');
  return existsSync(file) ? readMicroReport(readFileSync(file, 'utf8')) : {};
}
