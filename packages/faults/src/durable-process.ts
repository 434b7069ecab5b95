import { writeSync } from 'node:fs';
import { createSessions } from '@coatcheck/core';
import { fileBackend } from '@coatcheck/file';
import { SECRET_KEY } from './site-settings.ts';

// Creates, changes and ends a session in the directory that it is given, and says so after each step.
const opener = createSessions<Record<string, unknown>>({
  backend: fileBackend({ path: process.argv[2] ?? '' }),
  secretKey: SECRET_KEY,
});
const say = (text: string): void => void writeSync(1, `${text}\n`);
say('begin');
const session = opener.open();
session.set('a', 1);
await session.save();
say('created');
session.set('a', 2);
await session.save();
say('changed');
await session.flush();
say('ended');
await opener.close();
