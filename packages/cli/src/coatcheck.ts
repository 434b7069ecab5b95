#!/usr/bin/env node
import { endWithReader } from './end-with-reader.ts';
import { run } from './index.ts';

endWithReader(process.stdout);
endWithReader(process.stderr);

void run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
