import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runBenchmarks } from './benchmarks.ts';
import { planFor } from './plan.ts';
import { reportFiles } from './report.ts';

// `npm run bench`: measures and writes the report.

const plan = planFor(process.argv.slice(2));
const results = await runBenchmarks({ ...plan, say: console.log });

// A part may replace what the documentation shows only where that was asked for: figures of several runs do not compare.
const directory = path.join(
  import.meta.dirname,
  plan.isForDocs ? '../../../docs/performance' : '../report',
);
mkdirSync(directory, { recursive: true });
const files = reportFiles(results, plan.report);
for (const [name, text] of files) writeFileSync(path.join(directory, name), text);
if (!plan.isForDocs) console.log(`\n${files.get(`${plan.report}.md`)}`);
console.log(`The report is in ${path.relative(process.cwd(), directory)}.`);
if (results.invalid.length > 0) process.exitCode = 1;
