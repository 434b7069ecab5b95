import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileBackend } from '@coatcheck/file';
import { describe, expect, it } from '@jest/globals';
import { watchForLeaks } from '../../core/test/support/leaks.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('errors and events of files', () => {
  // Their names are keys, and the system's errors tell names.
  it('that cannot be opened hold neither keys nor data', async () => {
    const { path: parent, remove } = temporaryDirectory();
    const directory = path.join(parent, 'sessions');
    const backend = fileBackend({ path: directory });
    const watch = watchForLeaks(backend);
    const key = await watch.start();
    renameSync(directory, `${directory}.away`);
    writeFileSync(directory, 'no directory');
    expect(await watch.provoke(key)).toBeGreaterThanOrEqual(5);
    rmSync(directory);
    renameSync(`${directory}.away`, directory);
    const file = path.join(directory, `sessionid${key}`);
    rmSync(file);
    mkdirSync(file);
    await watch.provoke(key);
    expect(watch.leaks()).toEqual([]);
    watch.stop();
    await backend.close();
    remove();
  });
});
