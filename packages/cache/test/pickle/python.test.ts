import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createRandom, PythonProcess } from '@coatcheck/test-support';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomJson } from '../../../core/test/random-json.ts';
import { PickleSerializer } from '../../src/pickle/pickle-serializer.ts';
import { damagedPickles } from './damaged-pickles.ts';
import { base64Of, inAscii, jsonIn, pickleOf } from './pickles.ts';

const serializer = new PickleSerializer();

/** Why there is no Python to ask, or nothing. */
function pythonIsMissing(): string | undefined {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    const reason = 'python3 is not installed';
    if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${reason}, and REQUIRE_SERVICES=1.`);
    return reason;
  }
}

const missing = pythonIsMissing();
const describeWithPython = missing ? describe.skip : describe;

describeWithPython(`Python’s own pickle${missing ? ` (${missing})` : ''}`, () => {
  let python: PythonProcess;
  beforeAll(() => {
    python = new PythonProcess('python3', fileURLToPath(new URL('pickles.py', import.meta.url)));
  });
  afterAll(() => python.stop());

  const PROTOCOLS = [0, 1, 2, 3, 4, 5];

  /** JSON objects with everything odd that Python reads, apart from spaces, which no record has. */
  function documents(seed: number, count: number): string[] {
    const random = createRandom(seed);
    return Array.from({ length: count }, () => {
      const members = ['a', 'b', '2', '10'].map((key) => `"${key}":${randomJson(random)}`);
      const text = Array.from({ length: random() * 9 }, () => randomUnit(random)).join('');
      members.push(inAscii(`${JSON.stringify(text)}:${JSON.stringify({ [text]: text })}`));
      return `{${members.slice(Math.floor(random() * 6)).join(',')}}`;
    });
  }

  it('reads 10,000 random documents as they were meant', async () => {
    const texts = documents(1, 10_000);
    const pickles = texts.map((text) => base64Of(serializer.dumps(text)));
    expect(await python.call('differences', { texts, pickles })).toEqual([]);
  });

  it.each(PROTOCOLS)(
    'writes 2,000 random documents, which are read: protocol %i',
    async (protocol) => {
      const texts = documents(2 + protocol, 2000);
      const written = await python.call<Written[]>('from_json', { texts, protocol });
      for (const { pickle, json } of written) expect(jsonIn(pickleOf(pickle))).toBe(escaped(json));
    },
  );

  it.each(PROTOCOLS)(
    'gets its own types back where nothing was changed: protocol %i',
    async (protocol) => {
      const sessions = await python.call<Written[]>('random_sessions', {
        seed: protocol,
        count: 1500,
        protocol,
      });
      const before = sessions.map(({ pickle }) => pickle);
      const after = before.map((pickle) => {
        const old = pickleOf(pickle);
        const json = jsonIn(old);
        const more = `${json.slice(0, -1)}${json === '{}' ? '' : ','}"changed here":[1.5]}`;
        return base64Of(serializer.dumps(more, old));
      });
      const question = { before, after, key: 'changed here', value: [1.5] };
      const wrong = await python.call<unknown[]>('changed_wrongly', question);
      expect(wrong).toEqual([]);
    },
  );

  // Only what was read here: Python would run the others.
  it('reads what is read here of 20,000 damaged pickles, and as the same', async () => {
    const pickles: string[] = [];
    const read: string[] = [];
    for (const pickle of damagedPickles(2, 20_000)) {
      const reading = serializer.loads(pickle);
      if ('refused' in reading) continue;
      pickles.push(base64Of(pickle));
      read.push(reading.data);
    }
    expect(read.length).toBeGreaterThan(500);
    const texts = await python.call<string[]>('texts', { pickles });
    expect(texts.map(escaped)).toEqual(read);
  });
});

const UNITS = [0, 10, 31, 34, 39, 47, 92, 127, 128, 255, 0x2028, 0xd83d, 0xde00, 0xfffd, 0xffff];

/** A unit of UTF-16, lone surrogates included. */
function randomUnit(random: () => number): string {
  const unit = random() < 0.5 ? 97 + random() * 26 : UNITS[Math.floor(random() * UNITS.length)];
  return String.fromCharCode(unit ?? 0);
}

interface Written {
  readonly pickle: string;
  readonly json: string;
}

/** Python does not escape this one. */
const escaped = (json: string): string => json.replaceAll('\u007f', '\\u007f');
