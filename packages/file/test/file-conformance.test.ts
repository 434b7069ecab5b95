import path from 'node:path';
import { describeSessionBackend, describeSessionScanner } from '@coatcheck/core/testing';
import { fileBackend } from '@coatcheck/file';
import { describe, it, jest } from '@jest/globals';
import { datedBackend } from './dated-backend.ts';
import { temporaryDirectory } from './temporary-directory.ts';

// A disk that others keep busy may take a second for one fsync.
jest.setTimeout(60_000);

for (const answers of ['synchronously', 'later'] as const) {
  for (const suite of [describeSessionBackend, describeSessionScanner]) {
    suite({ describe, it }, `FileBackend that answers ${answers}`, (context) => {
      const directory = temporaryDirectory();
      const open = () =>
        datedBackend(
          fileBackend({ ...context, answers, path: path.join(directory.path, 'sessions') }),
          context.now,
        );
      return { backend: open(), openAnother: open, cleanup: directory.remove };
    });
  }
}
