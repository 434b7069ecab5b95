import { SessionTooLarge } from '@coatcheck/core';
import { describe, expect, it } from '@jest/globals';
import { PickleSerializer } from '../../src/pickle/pickle-serializer.ts';
import { jsonIn, pickleWith, refusalOf } from './pickles.ts';

const serializer = new PickleSerializer();

/** What stands under `v` in a session that is written over a pickle: its opcodes. */
function rewritten(before: string, json: string): string {
  const pickle = serializer.dumps(`{"v":${json},"w":1}`, before);
  expect(jsonIn(pickle)).toBe(`{"v":${json},"w":1}`);
  const [start, end] = [`\x80\x02}(${text('v')}`, `${text('w')}${one}u.`];
  expect(pickle.startsWith(start) && pickle.endsWith(end)).toBe(true);
  return pickle.slice(start.length, -end.length);
}

const one = 'J\x01\0\0\0';
const two = 'J\x02\0\0\0';
const three = 'J\x03\0\0\0';
const text = (value: string): string => `X${String.fromCharCode(value.length)}\0\0\0${value}`;

describe('types that JSON does not have, where a session is written over a pickle', () => {
  const tuple = pickleWith('K\x01K\x02\x86');
  const tuples = pickleWith('](K\x01K\x02\x86K\x02K\x03\x86e');
  const keys = pickleWith('}(K\x01K\x02NK\x03u');

  it.each([
    ['a tuple', tuple, '[1,2]', `(${one}${two}t`],
    ['a tuple with other items', tuple, '[2,3]', `(${two}${three}t`],
    ['a tuple with more items', tuple, '[1,2,3]', `(${one}${two}${three}t`],
    ['tuples in a list', tuples, '[[1,2],[2,3]]', `]((${one}${two}t(${two}${three}te`],
    [
      'tuples that moved in their list',
      tuples,
      '[3,[1,2],[2,3]]',
      `](${three}(${one}${two}t(${two}${three}te`,
    ],
    ['tuples that moved up', tuples, '[[2,3]]', `]((${two}${three}te`],
    [
      'a tuple that was changed in its list',
      tuples,
      '[[1,2],[2,1]]',
      `]((${one}${two}t(${two}${one}te`,
    ],
    ['keys that are no text', keys, '{"1":2,"null":3}', `}(${one}${two}N${three}u`],
    ['keys of changed members', keys, '{"1":3,"null":3}', `}(${one}${three}N${three}u`],
    ['keys in another order', keys, '{"null":3,"1":2}', `}(N${three}${one}${two}u`],
  ])('are kept: %s', (_, before, json, opcodes) => {
    expect(rewritten(before, json)).toBe(opcodes);
  });

  it.each([
    [
      'a list that is new in a list of tuples',
      tuples,
      '[[1,2],[2,3],[3]]',
      `](${`(${one}${two}t(${two}${three}t`}](${three}ee`,
    ],
    ['an object in the place of a tuple', tuple, '{"a":1}', `}(${text('a')}${one}u`],
    ['a list in the place of an object', keys, '[1]', `](${one}e`],
    ['a text in the place of a tuple', tuple, '"a"', text('a')],
    ['members that are new', keys, '{"2":1}', `}(${text('2')}${one}u`],
  ])('are not made up: %s', (_, before, json, opcodes) => {
    expect(rewritten(before, json)).toBe(opcodes);
  });

  it('are kept deep inside of what was changed', () => {
    const before = pickleWith(`}(${text('a')}](}(K\x01)${text('b')}NueK\x01Nu`);
    expect(jsonIn(before)).toBe('{"v":{"a":[{"1":[],"b":null}],"1":null}}');
    expect(rewritten(before, '{"a":[{"1":[],"b":2}],"1":3}')).toBe(
      `}(${text('a')}](}(${one}(t${text('b')}${two}ue${one}${three}u`,
    );
  });

  it('are those of the bytes themselves where nothing changed', () => {
    const before = pickleWith('](]q\x05h\x05K\x01\x85e');
    expect(serializer.dumps(jsonIn(before), before)).toBe(before);
  });

  it('are the same however often they are read and written over', () => {
    const before = pickleWith('](K\x01K\x02\x86}(K\x01Nue');
    for (const round of [1, 2]) {
      expect(jsonIn(before)).toBe('{"v":[[1,2],{"1":null}]}');
      expect(rewritten(before, `[[1,2,${round}],{"1":${round},"2":[]}]`)).toBe(
        `]((${one}${two}J${String.fromCharCode(round)}\0\0\0t}(${one}J${String.fromCharCode(round)}\0\0\0${text('2')}](eue`,
      );
    }
  });

  it('are none where what was there is JSON, or nothing that can be read', () => {
    for (const before of [
      '{"v":[1,2]}',
      'first',
      '',
      '\x80\x04cos\nsystem\n.',
      tuple.slice(0, -1),
    ]) {
      expect(rewritten(before, '[1,2]')).toBe(`](${one}${two}e`);
    }
  });
});

describe('the session’s JSON', () => {
  it.each([
    '{}',
    '{"a":[],"b":{},"c":"","d":[[{}]]}',
    '{"i":[0,-1,2147483647,-2147483648,2147483648,-2147483649,9007199254740993]}',
    `{"big":${'9'.repeat(4300)},"small":-${'9'.repeat(4300)}}`,
    '{"f":[1.0,-0.0,1e+16,1e-05,0.1,1e+300,5e-324,NaN,Infinity,-Infinity]}',
    '{"2":1,"10":2,"1":3,"a":4}',
    '{"__proto__":{"constructor":1},"toJSON":2}',
    '{"\\u00e9\\ud83d\\ude00\\ud800":"\\"\\\\/\\n\\u0000\\u007f\\udfff"}',
    '{"w":[true,false,null]}',
  ])('comes back to the character: %s', (json) => {
    expect(jsonIn(serializer.dumps(json))).toBe(json);
  });

  it('is read with spaces, other escapes and other digits as well, and comes back as Python writes it', () => {
    const json = ' { "a" : [ 1 , 1E2 , 0.10 , -0 ] , "\\/" : "\\u00E9é" } ';
    expect(jsonIn(serializer.dumps(json))).toBe('{"a":[1,100.0,0.1,0],"/":"\\u00e9\\u00e9"}');
  });

  it.each([
    '',
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '{"a":01}',
    '{"a":1}}',
    '{"a":"}',
    '{a:1}',
    'nan',
    '{"a":1 1}',
  ])('is refused when it is none: %j', (json) => {
    expect(() => serializer.dumps(json)).toThrow(SyntaxError);
  });

  it('is what was stored, where JSON was stored', () => {
    const json = '{"a": 1, "b": [1.0, "\\u00e9"]}';
    expect(serializer.loads(json)).toEqual({ data: json });
  });
});

describe('what could not be read again is not written', () => {
  const longText = (length: number): string => `{"a":"${'a'.repeat(length)}"}`;
  const longList = (length: number): string => `{"a":[${'1,'.repeat(length - 1)}1]}`;

  it.each([
    ['a megabyte', longText(1024 * 1024)],
    ['a megabyte of pickle', longText(1024 * 1024 - 10)],
    ['a hundred thousand values', longList(100_000)],
    ['a thousand levels', `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ])('%s', (_, json) => {
    expect(() => serializer.dumps(json)).toThrow(SessionTooLarge);
    expect(() => serializer.dumps(json)).toThrow(
      /^The session makes a pickle .*; keep less in it\.$/,
    );
  });

  it('but a little less is', () => {
    for (const json of [
      longText(1024 * 1024 - 30),
      longList(99_996),
      `{"a":${'['.repeat(999)}${']'.repeat(999)}}`,
    ]) {
      expect(jsonIn(serializer.dumps(json))).toBe(json);
    }
  });

  it('nor does what was there before count', () => {
    expect(serializer.dumps('{"a":1}', pickleWith(']q\0h\0a'))).toBe(serializer.dumps('{"a":1}'));
    expect(refusalOf('}N.')).toBe('a damaged pickle');
  });
});
