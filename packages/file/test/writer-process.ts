import { load, openSessions } from './sessions.ts';

// Writes to one session, as a process of its own: directory, key, name, number of writes, writes at once. Each write
// sets an entry of its own, or counts up in one where the number of writes is 0, and says on stdout what was stored.
const [directory = '', key = '', name = '', writes = '0', atOnce = '1'] = process.argv.slice(2);
const sessions = openSessions(directory);

async function write(entry: string, value: number): Promise<void> {
  const session = await load(sessions, key);
  if (session.isEmpty()) throw new Error('The session is gone.');
  session.set(entry, value);
  await session.save();
}

if (Number(writes) > 0) {
  for (let done = 0; done < Number(writes); done += Number(atOnce)) {
    const indexes = Array.from({ length: Number(atOnce) }, (_, i) => done + i);
    await Promise.all(indexes.map((i) => write(`${name}-${i}`, i)));
  }
  await sessions.close();
} else {
  for (let count = 1; ; count++) {
    await write(name, count);
    process.stdout.write(`${count}\n`);
  }
}
