import { createRandom, djangoFixture } from '@coatcheck/test-support';
import { opcodes } from '../../src/pickle/pickle-opcodes.ts';
import { pickleOf } from './pickles.ts';

interface Fixture {
  readonly cases: readonly { readonly protocols: Readonly<Record<string, string>> }[];
  readonly refuse: Fixture['cases'];
}

/** Pickles of Python's with a few bytes replaced, inserted, left out, or put together from two; none begins as JSON. */
export function damagedPickles(seed: number, count: number): string[] {
  const { cases, refuse } = djangoFixture<Fixture>('pickle.json');
  const whole = [...cases, ...refuse].flatMap(({ protocols }) =>
    Object.values(protocols).map(pickleOf),
  );
  const random = createRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const likely = [...Object.values(opcodes), 0, 1, 2, 255];
  const changed = (pickle: string): string => {
    const at = below(pickle.length);
    const byte = String.fromCharCode(random() < 0.7 ? oneOf(likely) : below(256));
    const other = oneOf(whole);
    const end = oneOf([
      byte + pickle.slice(at + 1),
      byte + pickle.slice(at),
      pickle.slice(at + 1 + below(4)),
      other.slice(below(other.length)),
      pickle.slice(below(pickle.length)),
    ]);
    return pickle.slice(0, at) + end;
  };
  return Array.from({ length: count }, () => {
    let pickle = oneOf(whole);
    for (let changes = 1 + below(4); changes > 0; changes -= 1) pickle = changed(pickle);
    return pickle;
  }).filter((pickle) => !pickle.startsWith('{'));
}
