import { describe, expect, it } from '@jest/globals';
import { opcodes } from '../../src/pickle/pickle-opcodes.ts';
import { PickleSerializer } from '../../src/pickle/pickle-serializer.ts';
import { damagedPickles } from './damaged-pickles.ts';
import { jsonIn, pickleWith, refusalOf } from './pickles.ts';

const serializer = new PickleSerializer();

/** Little-endian bytes. */
function bytes(value: number, size: number): string {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer.subarray(0, size).toString('latin1');
}

const text = (value: string): string => `X${bytes(value.length, 4)}${value}`;

describe('plain values', () => {
  it.each([
    ['None', 'N', 'null'],
    ['True', '\x88', 'true'],
    ['False', '\x89', 'false'],
    ['True of protocol 0', 'I01\n', 'true'],
    ['False of protocol 0', 'I00\n', 'false'],
    ['an int of one byte', 'K\xff', '255'],
    ['an int of two bytes', 'M\xff\xff', '65535'],
    ['an int of four bytes', 'J\xff\xff\xff\xff', '-1'],
    ['an int of no bytes', '\x8a\x00', '0'],
    ['an int of many bytes', `\x8a\x09${'\x00'.repeat(8)}\x01`, '18446744073709551616'],
    ['a negative one', `\x8b${bytes(9, 4)}${'\x00'.repeat(8)}\xff`, '-18446744073709551616'],
    ['an int in digits', 'I-123456789012345678901234567890\n', '-123456789012345678901234567890'],
    ['a long in digits', 'L18446744073709551616L\n', '18446744073709551616'],
    ['1.0', 'G\x3f\xf0\0\0\0\0\0\0', '1.0'],
    ['-0.0', 'G\x80\0\0\0\0\0\0\0', '-0.0'],
    ['1e16', 'G\x43\x41\xc3\x79\x37\xe0\x80\0', '1e+16'],
    ['1e-05', 'G\x3e\xe4\xf8\xb5\x88\xe3\x68\xf1', '1e-05'],
    ['NaN', 'G\x7f\xf8\0\0\0\0\0\0', 'NaN'],
    ['-Infinity', 'G\xff\xf0\0\0\0\0\0\0', '-Infinity'],
    ['a float in digits', 'F1e+16\n', '1e+16'],
    ['inf of protocol 0', 'F-inf\n', '-Infinity'],
    ['nan of protocol 0', 'Fnan\n', 'NaN'],
    ['a short text', '\x8c\x02\xc3\xa9', '"\\u00e9"'],
    ['a text of eight bytes’ length', `\x8d${bytes(4, 8)}\xf0\x9f\x98\x80`, '"\\ud83d\\ude00"'],
    ['a text with a lone surrogate', '\x8c\x05a\xed\xa0\xbdb', '"a\\ud83db"'],
    ['a text with U+FFFD', '\x8c\x03\xef\xbf\xbd', '"\\ufffd"'],
    ['a text that JSON escapes', '\x8c\x05"\\\n\x7f\x00', '"\\"\\\\\\n\\u007f\\u0000"'],
    [
      'a text of protocol 0',
      'Va\\u005cu0041\\U0001f600\xe9\\\n',
      '"a\\\\u0041\\ud83d\\ude00\\u00e9\\\\"',
    ],
    ['a list', '](K\x01K\x02e', '[1,2]'],
    ['a list of protocol 0', '(lK\x01a', '[1]'],
    ['an empty tuple', ')', '[]'],
    ['a tuple', '(K\x01K\x02t', '[1,2]'],
    ['tuples of one, two and three', 'NN\x86N\x85NN\x87\x86', '[[null,null],[[null],null,null]]'],
    ['a dict', `}(${text('a')}K\x01${text('b')}Nu`, '{"a":1,"b":null}'],
    ['a dict of protocol 0', `(${text('a')}K\x01d`, '{"a":1}'],
    ['a key twice', `}(${text('a')}K\x01${text('b')}N${text('a')}K\x02u`, '{"a":2,"b":null}'],
    [
      'keys that are no text',
      '}(K\x01NNN\x88NG\x3f\xf8\0\0\0\0\0\0Nu',
      '{"1":null,"null":null,"true":null,"1.5":null}',
    ],
    ['the prototype of nothing', `}${text('__proto__')}}s`, '{"__proto__":{}}'],
    ['what is remembered', '](]q\x05h\x05e', '[[],[]]'],
    ['what is remembered, far away', '](]r\xff\xff\xff\xffj\xff\xff\xff\xffe', '[[],[]]'],
    ['what is remembered, in digits', '](]p7\ng7\ne', '[[],[]]'],
    ['what is remembered in turn', '](]\x94N\x94h\x00h\x01e', '[[],null,[],null]'],
    ['a frame', `\x95${bytes(1, 8)}N`, 'null'],
  ])('%s', (_, opcodesOfIt, json) => {
    expect(jsonIn(pickleWith(opcodesOfIt))).toBe(`{"v":${json}}`);
  });
});

describe('what would need code', () => {
  it.each([
    ['GLOBAL', 'cos\nsystem\n', 'os.system'],
    ['INST', '(ios\nsystem\n', 'os.system'],
    ['STACK_GLOBAL', `${text('os')}${text('system')}\x93`, 'os.system'],
    ['STACK_GLOBAL of something else', ']]\x93', 'code'],
    ['STACK_GLOBAL of an int', 'K\x01K\x02\x93', 'code'],
    [
      'a nested class',
      `${text('shop.models')}${text('Cart.<locals>.Item')}\x93`,
      'shop.models.Cart.<locals>.Item',
    ],
    ['a name that is none', 'cpassword: hunter2\nx y\n', 'code'],
    ['a name without end', `c${'a'.repeat(81)}\nb\n`, 'code'],
    ['an empty name', 'c\nb\n', 'code'],
    ['REDUCE', '])R', 'code'],
    ['BUILD', ']}b', 'code'],
    ['OBJ', '(]o', 'code'],
    ['NEWOBJ', '])\x81', 'code'],
    ['NEWOBJ_EX', '])}\x92', 'code'],
    ['EXT1', '\x82\x01', 'code'],
    ['EXT2', '\x83\x01\x00', 'code'],
    ['EXT4', '\x84\x01\0\0\0', 'code'],
    ['PERSID', 'P1\n', 'code'],
    ['BINPERSID', 'K\x01Q', 'code'],
    ['NEXT_BUFFER', '\x97', 'code'],
    ['READONLY_BUFFER', 'N\x98', 'code'],
  ])('%s is refused', (_, opcodesOfIt, name) => {
    expect(refusalOf(pickleWith(opcodesOfIt))).toBe(`a pickle that needs ${name}`);
  });

  it('is refused wherever it stands, even where nothing of it would be kept', () => {
    for (const pickle of [
      'cos\nsystem\n(S"true"\ntR0}.',
      '}(cos\nsystem\nNu.',
      '\x80\x04cos\nsystem\n0}.',
    ]) {
      expect(refusalOf(pickle)).toBe('a pickle that needs os.system');
    }
  });
});

describe('what JSON does not have', () => {
  it.each([
    ['bytes', 'C\x01a'],
    ['bytes', `B${bytes(1, 4)}a`],
    ['bytes', `\x8e${bytes(1, 8)}a`],
    ['a bytearray', `\x96${bytes(1, 8)}a`],
    ['a set', '\x8f'],
    ['a set', '\x8f(K\x01\x90'],
    ['a frozenset', '(K\x01\x91'],
    ['the text of a Python 2', "S'a'\n"],
    ['the text of a Python 2', 'U\x01a'],
    ['the text of a Python 2', `T${bytes(1, 4)}a`],
    ['a key that JSON does not have', '}(K\x01K\x02\x86Nu'],
    ['two keys that JSON cannot tell apart', `}(K\x01N${text('1')}Nu`],
    ['two keys that JSON cannot tell apart', `}(${text('null')}NNNu`],
  ])('is refused: %s', (kind, opcodesOfIt) => {
    expect(refusalOf(pickleWith(opcodesOfIt))).toBe(`a pickle with ${kind}`);
  });
});

describe('what is no pickle of a session', () => {
  it.each(['N.', ']. ', '\x80\x05K\x01.', '\x80\x04\x8c\x02{}.', '].', ').'])('%j', (pickle) => {
    expect(refusalOf(pickle)).toMatch(/^a (pickle of something other than a dict|damaged pickle)$/);
  });

  it('a number, as Django stores integers', () => {
    for (const number of ['0', '42', '-7', '9'.repeat(400)])
      expect(refusalOf(number)).toBe('a number');
  });

  it('what the compressor of django-redis makes', () => {
    expect(refusalOf('x\x9c\xab\xae\x05\0\x01\x75\0\xf9')).toBe('compressed data');
  });

  it.each([
    ['nothing', ''],
    ['a text', 'session'],
    ['no STOP', '}'],
    ['a STOP and nothing else', '.'],
    ['bytes behind STOP', '}.N'],
    ['two values', '}}.'],
    ['an open MARK', '}(.'],
    ['a MARK too few', '}e.'],
    ['a value too few', '}s.'],
    ['an append to nothing', 'Na.'],
    ['an append to a dict', '}Na.'],
    ['an append to a tuple', ')Na.'],
    ['an append to a text', `${text('a')}Na.`],
    ['an item set in a list', ']NNs.'],
    ['half an item', '}(Nu.'],
    ['a reach below MARK', '}](Na.'],
    ['a pop below MARK', '}N(\x85.'],
    ['something remembered of nothing', 'q\0}.'],
    ['something recalled that never was', 'h\0.'],
    ['something recalled beyond all', 'j\xff\xff\xff\xff.'],
    ['an index that is none', '}p-1\n.'],
    ['protocol 6', '\x80\x06}.'],
    ['a protocol in the middle', '}\x80\x02.'],
    ['no protocol', '\x80'],
    ['a frame beyond the end', `\x80\x04\x95${bytes(100, 8)}}.`],
    ['a frame of 2^60 bytes', `\x80\x04\x95${bytes(2 ** 60, 8)}}.`],
    ['a text of 2^60 bytes', `}(\x8d${bytes(2 ** 60, 8)}Nu.`],
    ['a text of 4 GB', '}(X\xff\xff\xff\xffaNu.'],
    ['a text beyond the end', '}(\x8c\xffaNu.'],
    ['a text that is not UTF-8', '}(\x8c\x01\xffNu.'],
    ['an overlong zero', '}(\x8c\x02\xc0\x80Nu.'],
    ['half a surrogate', '}(\x8c\x02\xed\xa0Nu.'],
    ['a text of protocol 0 with a broken escape', '}(V\\u12\nNu.'],
    ['a code point beyond Unicode', '}(V\\U00110000\nNu.'],
    ['half a float', '}NG\0\0s.'],
    ['half an int', '}NJ\0s.'],
    ['an int of -1 bytes', '}N\x8b\xff\xff\xff\xffs.'],
    ['a line without end', '}NI1'],
    ['digits that are none', '}NI1_0\ns.'],
    ['digits in hexadecimal', '}NI0x10\ns.'],
    ['a float that is none', '}NFx\ns.'],
    ['a DUP', '}2.'],
    ['a POP', '}N0.'],
    ['a POP_MARK', '}(N1.'],
  ])('%s', (_, pickle) => {
    expect(refusalOf(pickle)).toBe('a damaged pickle');
  });

  it('any opcode that is not one of plain values', () => {
    const known = new Set<number>(Object.values(opcodes));
    for (let opcode = 0; opcode < 256; opcode += 1) {
      // A brace begins JSON, which core looks at.
      if (known.has(opcode) || opcode === 0x7b) continue;
      for (const before of ['', '\x80\x04', '}', '}}}', '(']) {
        refusalOf(`${before}${String.fromCharCode(opcode)}${'\0'.repeat(20)}\n\n.`);
      }
    }
  });
});

describe('a bomb', () => {
  const laughs = (levels: number): string => {
    let pickle = `](${text('ha'.repeat(50))}e\x94`;
    for (let level = 0; level < levels; level += 1) {
      pickle += `](${`h${String.fromCharCode(level)}`.repeat(10)}e\x94`;
    }
    return pickle;
  };

  it.each([
    ['of lists of one list', `\x80\x04}(\x8c\x01v](${laughs(60)}eu.`, 'of more than 1048576 bytes'],
    [
      'of one text',
      pickleWith(`](${text('a'.repeat(60_000))}q\0${'h\0'.repeat(50_000)}e`),
      'of more than 1048576 bytes',
    ],
    ['of lists', pickleWith(`](${']'.repeat(900_000)}e`), 'of more than 100000 values'],
    [
      'of dicts in each other',
      pickleWith(`${'}N'.repeat(40_000)}}${'s'.repeat(40_000)}`),
      undefined,
    ],
    [
      'of lists in each other',
      pickleWith(`${']'.repeat(1001)}${'a'.repeat(1000)}`),
      'that nests deeper than 1000 levels',
    ],
    [
      'of tuples in each other',
      pickleWith(`)${'\x85'.repeat(90_000)}`),
      'that nests deeper than 1000 levels',
    ],
    ['of a list in itself', pickleWith(']q\0h\0a'), 'that nests deeper than 1000 levels'],
    ['of a list in itself twice', pickleWith(']q\0(h\0h\0e'), 'that nests deeper than 1000 levels'],
    [
      'of a dict in itself',
      pickleWith(`}q\0${text('a')}h\0s`),
      'that nests deeper than 1000 levels',
    ],
    [
      'of a list in a tuple in itself',
      pickleWith(']q\0h\0\x85a'),
      'that nests deeper than 1000 levels',
    ],
    [
      'of an integer',
      pickleWith(`\x8b${bytes(500_000, 4)}${'\x7f'.repeat(500_000)}`),
      'of an integer with more than 4300 digits',
    ],
    [
      'of digits',
      pickleWith(`I${'9'.repeat(500_000)}\n`),
      'of an integer with more than 4300 digits',
    ],
    ['of a million bytes and one', `}${' '.repeat(1024 * 1024)}`, 'of more than 1048576 bytes'],
  ])('%s', (_, pickle, reason = 'that nests deeper than 1000 levels') => {
    expect(refusalOf(pickle)).toBe(`a pickle ${reason}`);
  });

  it('whose depth only adds up', () => {
    // Members keep the place of their first value: what is inside of the third is looked at before it.
    const chain = `]${'\x85'.repeat(900)}q\x01${'\x85'.repeat(900)}q\x02${'\x85'.repeat(900)}`;
    const members = [
      ['a', 'N'],
      ['b', 'N'],
      ['c', chain],
      ['a', 'h\x01'],
      ['b', 'h\x02'],
    ];
    const dict = `}(${members.map(([key = '', value]) => text(key) + value).join('')}u`;
    expect(refusalOf(pickleWith(dict))).toBe('a pickle that nests deeper than 1000 levels');
  });

  it('is let through where it is none: 4,300 digits, 1,000 levels', () => {
    expect(jsonIn(pickleWith(`I${'9'.repeat(4300)}\n`))).toHaveLength(4306);
    expect(jsonIn(pickleWith(`${']'.repeat(999)}${'a'.repeat(998)}`))).toHaveLength(6 + 1998);
  });
});

it('twenty thousand damaged pickles are read as something that can be written, or refused', () => {
  let read = 0;
  for (const pickle of damagedPickles(1, 20_000)) {
    const reading = serializer.loads(pickle);
    if ('refused' in reading) continue;
    read += 1;
    expect(serializer.dumps(reading.data, pickle)).toBe(pickle);
    expect(serializer.loads(serializer.dumps(reading.data))).toEqual(reading);
  }
  expect(read).toBeGreaterThan(500);
});
