import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findLeaks } from './find-leaks.mjs';

/** Everything but what prints all that it sends: ioredis, and the browser of tests. */
const DEBUG = '*,-ioredis:*,-pw:*';
const RECORDER = new URL('./record-printed.mjs', import.meta.url).href;

/**
 * A reporter for jest. Lets all tests run with debug logging on, and fails the run where a session key or data of a
 * session are in what was printed: by jest, by its workers, and as errors by the child processes of tests. Lines of the
 * debug package are searched and not shown. Does nothing where the user sets `DEBUG`, who wants to see them.
 */
export default class LeakReporter {
  #directory;
  #recorder;
  #error;

  async onRunStart() {
    if (process.env.DEBUG !== undefined) {
      process.stderr.write('DEBUG is set: what tests print is not searched for keys and data.\n');
      return;
    }
    this.#directory = mkdtempSync(path.join(tmpdir(), 'coatcheck-printed-'));
    Object.assign(process.env, {
      DEBUG,
      DEBUG_COLORS: 'no',
      COATCHECK_PRINTED: this.#directory,
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${RECORDER}`.trim(),
    });
    this.#recorder = await import(RECORDER);
    this.#recorder.record(process.stdout);
  }

  onTestStart(test) {
    this.#recorder?.keepName(path.basename(test.path));
  }

  /** What a test printed with `console`, which jest shows past the streams; its failure may show what it likes. */
  onTestResult(test, { console: printed }) {
    this.#recorder?.keepName(path.basename(test.path));
    for (const { message } of printed ?? []) this.#recorder?.keep(`${message}\n`);
  }

  onRunComplete() {
    const directory = this.#directory;
    if (directory === undefined) return;
    const leaks = [];
    let size = 0;
    const files = readdirSync(directory);
    for (const file of files) {
      const text = readFileSync(path.join(directory, file), 'utf8');
      leaks.push(...leaksOf(text));
      size += text.length;
    }
    rmSync(directory, { recursive: true });
    const printed = `what was printed (${files.length} processes, ${size} characters)`;
    if (leaks.length === 0) {
      process.stderr.write(`\nNo session keys or data in ${printed}.\n`);
      return;
    }
    this.#error = new Error(`Session keys or data in ${printed}:`);
    process.stderr.write(`\n${[this.#error.message, ...leaks].join('\n  ')}\n`);
  }

  /** An error makes jest fail. */
  getLastError() {
    return this.#error;
  }
}

/** What was found in the text of a process, and in what: the first find of each kind. */
function leaksOf(text) {
  const lines = new Map();
  for (const { kind, index, excerpt } of findLeaks(text)) {
    const from = text.lastIndexOf('\n== ', index) + 4;
    const name = text.slice(from, text.indexOf('\n', from));
    if (!lines.has(name + kind)) lines.set(name + kind, `${name}: ${excerpt}`);
  }
  return [...lines.values()];
}
