import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { Directory } from '@coatcheck/faults';
import { typescriptLoader } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const STEPS = ['created', 'changed', 'ended'] as const;
const CALLS =
  'fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,write,mkdir,rmdir';

/** Why system calls cannot be watched here; `undefined`: they can. */
function straceIsMissing(): string | undefined {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']);
  return status === 0 ? undefined : 'strace is not installed, or must not be used';
}

const missing = straceIsMissing();
const describeWatched = missing === undefined ? describe : describe.skip;

describeWatched(`session files (${missing ?? 'system calls in their order'})`, () => {
  let directory: Directory;
  /** The calls that concern session files before each step was acknowledged: name and first argument. */
  const calls: Record<string, string[]> = {};

  beforeAll(() => {
    directory = new Directory();
    const sessions = path.join(directory.path, 'sessions');
    const trace = path.join(directory.path, 'trace');
    const script = path.join(import.meta.dirname, '../src/durable-process.ts');
    execFileSync(
      'strace',
      [
        ...['-f', '-y', '-qq', '-e', `trace=${CALLS}`, '-o', trace, process.execPath],
        ...['--conditions=@coatcheck/source', '--import', typescriptLoader, script, sessions],
      ],
      { timeout: 60_000 },
    );
    const lines = execFileSync('cat', [trace], { encoding: 'utf8' }).split('\n');
    let step: string[] = [];
    for (const line of lines) {
      const said = STEPS.find((name) => line.includes(`"${name}\\n"`));
      if (said) {
        calls[said] = step;
        step = [];
      } else if (line.includes(sessions)) {
        // A call of one thread may be reported in two halves; the second one has no arguments.
        const [, name = '', what = ''] = /^\d+ +(\w+)\(\d*<?"?([^>",]*)/.exec(line) ?? [];
        step.push(`${name} ${what === sessions ? 'directory' : 'file'}`);
      }
    }
  }, 90_000);
  afterAll(() => directory.remove());

  it.each(['created', 'changed'])(
    'are on the disk before they are named, when one is %s',
    (step) => {
      const done = calls[step] ?? [];
      const named = done.findLastIndex((call) => /^(link|rename)/.test(call));
      expect(done.indexOf('write file')).toBeGreaterThanOrEqual(0);
      expect(done.indexOf('fsync file')).toBeGreaterThan(done.indexOf('write file'));
      expect(named).toBeGreaterThan(done.indexOf('fsync file'));
    },
  );

  it('are locked by a directory that need not go to the disk itself, when one is changed', () => {
    const { changed: done = [] } = calls;
    const [made, removed] = [done.indexOf('mkdir file'), done.indexOf('rmdir file')];
    expect(made).toBeGreaterThanOrEqual(0);
    expect(removed).toBeGreaterThan(made);
    expect(done.slice(made, removed).filter((call) => call.startsWith('fsync'))).toEqual([]);
  });

  it.each(STEPS)('have their names on the disk before anybody is told that one is %s', (step) => {
    const done = calls[step] ?? [];
    const changed = done.findLastIndex((call) => /^(link|rename|unlink)/.test(call));
    expect(changed).toBeGreaterThanOrEqual(0);
    expect(done.lastIndexOf('fsync directory')).toBeGreaterThan(changed);
  });
});
