import { subscribe } from 'node:diagnostics_channel';
import { existsSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { threadId } from 'node:worker_threads';

// Every process of a test run imports this before anything else: it keeps what the process prints as errors, and what
// its sessions tell of themselves. Not what it prints on its standard output: that is its answer to the test, unless it
// runs tests itself. The process that shows what jest's workers print gets it later, and cannot tell by which test.

const EVENTS = [
  ...['created', 'saved', 'moved', 'merged', 'interrupted', 'rejected', 'unavailable', 'error'],
  ...['breakerOpened', 'breakerClosed', 'cookieSkipped', 'cacheControlChanged'],
  ...['cacheFailed', 'djangoCacheFailed'],
];
/** How the debug package begins a line on what is no terminal. */
const DEBUG_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z \S+ /;
/** The script of jest's workers; messages tell them which file of tests comes next. */
const JEST_WORKER = 'processChild.js';

const directory = process.env.COATCHECK_PRINTED ?? '';
// A process may outlive its run.
const file = existsSync(directory)
  ? openSync(path.join(directory, `${process.pid}-${threadId}`), 'a')
  : undefined;

/** Keeps a text to be searched. */
export function keep(text) {
  if (file !== undefined) writeSync(file, text);
}

/** Keeps under which name a find in what follows is told. */
export function keepName(name) {
  keep(`\n== ${name}\n`);
}

/** Keeps what is written to the stream from now on; lines of the debug package go no further. */
export function record(stream) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    keep(chunk);
    if (!DEBUG_LINE.test(String(chunk))) return write(chunk, ...rest);
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}

function tell(told) {
  keep(`\n${inspect(told, { depth: null, showHidden: true })}\n`);
}

const [, script = ''] = process.argv;
if (path.basename(script) === JEST_WORKER) {
  record(process.stdout);
  const { emit } = process;
  // Not a listener: it would take messages before there is jest's own.
  process.emit = function (event, ...args) {
    const file = event === 'message' ? args[0]?.[3]?.[0]?.path : undefined;
    if (typeof file === 'string') keepName(path.basename(file));
    return emit.call(this, event, ...args);
  };
}
keepName(/\.[cm]?[jt]s$/.test(script) ? path.basename(script) : 'a script');
record(process.stderr);
// Node prints these itself, past the stream.
process.on('uncaughtExceptionMonitor', tell);
process.on('warning', tell);
for (const event of EVENTS) subscribe(`coatcheck:${event}`, tell);
