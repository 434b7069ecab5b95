import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeContenders } from './contenders/index.ts';
import type { Usage } from './running.ts';

// A process of its own for one contender: serves it on a free port, and says what that has cost so far.

const [name, whereabouts = '{}'] = process.argv.slice(2);
const contender = nodeContenders.find((candidate) => candidate.name === name);
if (!contender) throw new Error(`There is no contender ${name}.`);

const site = await contender.open(JSON.parse(whereabouts));
const server = createServer(typeof site === 'function' ? site : site.listener);
// A connection waits for its turn in the next round.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const usage: Usage = { cpuMicros: user + system, rssBytes: rss, heapBytes: heapUsed };
  process.send?.(usage);
});
process.once('disconnect', () => process.exit());
const { port } = server.address() as AddressInfo;
process.send?.({ port, cookies: typeof site === 'function' ? undefined : site.cookies });
