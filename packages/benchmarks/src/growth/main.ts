import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { redisIsMissing } from '@coatcheck/test-support';
import { coatcheck } from '../contenders/coatcheck.ts';
import { bareKoa } from '../contenders/koa-application.ts';
import type { Effort } from '../heat.ts';
import { describeMachine } from '../machine.ts';
import type { Place } from '../places.ts';
import { type Grown, grow, growingPlaces } from './grow.ts';
import { growthFiles, growthMarkdown } from './report.ts';

// `npm run bench:growth -- [memory|redis|sqlite…] [--rounds 9] [--most 1000000] [--docs]`: what requests cost the server
// by the number of sessions that are stored.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '9' },
    most: { type: 'string', default: '1000000' },
    docs: { type: 'boolean', default: false },
  },
});
const unknown = positionals.find((name) => !growingPlaces.some((place) => place === name));
if (unknown !== undefined) throw new Error(`${unknown}: name ${growingPlaces.join(', ')}.`);
const places = growingPlaces.filter(
  (place) => positionals.length === 0 || positionals.includes(place),
);

const [rounds, most] = [Number(values.rounds), Number(values.most)];
if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error('--rounds takes a number.');
if (!(most >= 1000)) throw new Error('--most takes a number of sessions, 1000 or more.');

/**
 * Servers that stored more were up for longer: all of them get as fast as they can get. In memory they differ by a
 * microsecond or two, as do processes of the same program.
 */
const effortIn = (place: Place): Effort => ({
  ...{ rounds, sliceMs: 200, warmUpRequests: 100_000, warmUpMs: 8000 },
  ...{ connections: 64, visitorsPerConnection: 8, processes: place === 'memory' ? 3 : 1 },
});
const stored = [1000, 10_000, 100_000, 1_000_000].filter((count) => count <= most);

const machine = describeMachine(['koa', 'lru-cache', 'ioredis', 'better-sqlite3'], new Date());
const grown: Grown[] = [];
for (const place of places) {
  if (place === 'redis' && redisIsMissing()) {
    console.log(`${place} is left out: ${redisIsMissing()}.`);
    continue;
  }
  const ours = coatcheck.find((contender) => contender.place === place);
  if (!ours) throw new Error(`There is no contender in ${place}.`);
  grown.push(...(await grow(bareKoa, ours, { stored, effort: effortIn(place) }, console.log)));
}
const report = { machine, grown };
if (values.docs || process.argv.length === 2) {
  const directory = path.join(import.meta.dirname, '../../../../docs/performance');
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of growthFiles(report)) writeFileSync(path.join(directory, name), text);
} else {
  console.log(growthMarkdown(report));
}
