import { djangoFixture } from '@coatcheck/test-support';
import { describe, expect, it } from '@jest/globals';
import { PickleSerializer } from '../../src/pickle/pickle-serializer.ts';
import { base64Of, inAscii, jsonIn, pickleOf, refusalOf } from './pickles.ts';

const serializer = new PickleSerializer();

interface Case {
  readonly label: string;
  readonly python_repr: string;
  readonly protocols: Readonly<Record<string, string>>;
  readonly json?: string;
}

interface Fixture {
  readonly highest_protocol: number;
  readonly cases: readonly Case[];
  readonly minimal_writer: readonly {
    readonly label: string;
    readonly python_repr: string;
    readonly bytes_base64: string;
  }[];
  readonly refuse: readonly Omit<Case, 'json'>[];
}

const fixture = djangoFixture<Fixture>('pickle.json');

/** Python's `json.dumps` without spaces; there are none in the texts of the fixture. */
const compact = (json: string): string => json.replaceAll(/([:,]) /g, '$1');

// What the fixture has no JSON for: JavaScript cannot read it, but its text is as good as any.
const jsonOfFloats = '{"f":[0.0,-0.0,0.1,1e+300,Infinity]}';

const withoutJson: Readonly<Record<string, RegExp>> = {
  bytes: /^a pickle (with bytes|that needs _codecs\.encode)$/,
  set: /^a pickle (with a set|that needs (__builtin__|builtins)\.set)$/,
};

/** What each of the fixture's pickles, of all protocols, needs. */
const needed: Readonly<Record<string, RegExp>> = {
  datetime: /^a pickle that needs datetime\.datetime$/,
  Decimal: /^a pickle that needs decimal\.Decimal$/,
  OrderedDict: /^a pickle that needs collections\.OrderedDict$/,
  'a function of a module': /^a pickle that needs posixpath\.join$/,
  'a class': /^a pickle that needs (__builtin__|builtins)\.dict$/,
  'runs a command if loaded': /^a pickle that needs posix\.system$/,
};

function everyProtocol(cases: readonly Omit<Case, 'json'>[]) {
  return cases.flatMap(({ protocols, ...rest }) =>
    Object.entries(protocols).map(([protocol, base64]) => ({ ...rest, protocol, base64 })),
  );
}

it('the fixture has every protocol there is', () => {
  expect(fixture.highest_protocol).toBe(5);
  for (const { protocols } of fixture.cases) expect(Object.keys(protocols)).toHaveLength(6);
});

describe('a pickle that Python wrote', () => {
  const readable = fixture.cases.filter(({ label }) => !(label in withoutJson));

  it.each(everyProtocol(readable))('is read: $label, protocol $protocol', ({ label, base64 }) => {
    const { json = jsonOfFloats } = readable.find((each) => each.label === label) as Case;
    expect(jsonIn(pickleOf(base64))).toBe(inAscii(compact(json)));
  });

  it.each(everyProtocol(readable))(
    'comes out of a save as it went in: $label, protocol $protocol',
    ({ base64 }) => {
      const pickle = pickleOf(base64);
      expect(serializer.dumps(jsonIn(pickle), pickle)).toBe(pickle);
    },
  );

  const others = fixture.cases.filter(({ label }) => label in withoutJson);
  it.each(everyProtocol(others))(
    'is refused, for JSON has no such value: $label, protocol $protocol',
    ({ label, base64 }) => {
      expect(refusalOf(pickleOf(base64))).toMatch(withoutJson[label] as RegExp);
    },
  );

  it.each(everyProtocol(fixture.refuse))(
    'is refused, for it needs code: $label, protocol $protocol',
    ({ label, base64 }) => {
      expect(refusalOf(pickleOf(base64))).toMatch(needed[label] as RegExp);
    },
  );
});

describe('what is written', () => {
  it.each(fixture.minimal_writer)('is the fixture, byte for byte: $label', (row) => {
    const source = fixture.cases.find(({ label }) => label === row.label);
    expect(source?.python_repr).toBe(row.python_repr);
    const json = jsonIn(pickleOf(String(source?.protocols[5])));
    expect(base64Of(serializer.dumps(json))).toBe(row.bytes_base64);
    expect(jsonIn(pickleOf(row.bytes_base64))).toBe(json);
  });
});
