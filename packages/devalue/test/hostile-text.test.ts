import { devalueSerializer } from '@coatcheck/devalue';
import { describe, expect, it } from '@jest/globals';

const { dumps, loads } = devalueSerializer;
const entry = (json: string): string => `["$devalue",${json}]`;

describe('texts that this serializer never writes', () => {
  const texts: Readonly<Record<string, string>> = {
    nothing: '["$devalue",]',
    'no text of devalue': entry('{"a":1}'),
    'a text too many': '["$devalue",[1n],2]'.replace('1n', '["BigInt","1"]'),
    'an empty text': entry('[]'),
    undefined: entry('-1'),
    'an unknown sentinel': entry('-9'),
    'a reference beyond the end': entry('[[7]]'),
    'an unknown type': entry('[["Function","return process"]]'),
    'a regular expression': entry('[["RegExp","(a+)+$"]]'),
    'a URL': entry('[["URL","https://example.com"]]'),
    'a boxed number': entry('[["Object",1],1]'),
    'a buffer': entry('[["ArrayBuffer","AAAA"]]'),
    'a view of a buffer': entry('[["Uint8Array",1],["ArrayBuffer","AAAA"]]'),
    'a Temporal instant': entry('[["Temporal.Instant","2023-11-14T22:13:20Z"]]'),
    'a sparse array of four billion': entry('[[-7,4294967295,4294967294,1],1]'),
    'a Date of no text': entry('[["Date",{"toString":1}]]'),
    'a BigInt of no number': entry('[["BigInt","process.exit()"]]'),
    'a key __proto__': entry('[{"__proto__":1},{"isAdmin":2},true]'),
    'a key __proto__ without a prototype': entry('[["null","__proto__",1],{"isAdmin":2},true]'),
    'more levels than there is stack': entry(
      `[${Array.from({ length: 20_000 }, (_, i) => `[${i + 1}]`).join(',')},1]`,
    ),
  };

  for (const [title, text] of Object.entries(texts)) {
    it(`are refused, and not quoted: ${title}`, () => {
      expect(() => loads(text)).toThrow(
        new SyntaxError('An entry is marked as written by devalue, but was not.'),
      );
    });
  }

  it('give no holes, which could not be written again', () => {
    const value = loads(entry('[[-2,1],["BigInt","1"]]'));
    expect(value).toEqual([undefined, 1n]);
    expect(loads(dumps(value))).toEqual(value);
  });

  it('end in a value or a refusal, ten thousand times, and whatever is read can be written', () => {
    const text = entry(
      '[{"a":1,"b":2,"c":3,"$__proto__":1},["Map",4,5],["Set",4,6],["Date","2023-11-14T22:13:20.123Z"],"k",["null","x",2],["BigInt","12"],-3]',
    );
    const characters = '[]{},:"\\-0123456789aeZMS$_';
    let seed = 20_231_114;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    let read = 0;
    for (let round = 0; round < 10_000; round += 1) {
      let mutant = text;
      for (let flips = random(3); flips >= 0; flips -= 1) {
        const at = random(mutant.length);
        const inserted = random(4) === 0 ? '' : characters[random(characters.length)];
        mutant = mutant.slice(0, at) + inserted + mutant.slice(at + random(2));
      }
      let value: unknown;
      try {
        value = loads(mutant);
      } catch (error) {
        expect((error as Error).name).toBe('SyntaxError');
        continue;
      }
      read += 1;
      expect(typeof dumps(value)).toBe('string');
    }
    expect(read).toBeGreaterThan(500);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });
});

describe('objects that are read', () => {
  const prototypes = (value: unknown): unknown[] => {
    if (value instanceof Map) return [...value].flat().flatMap(prototypes);
    if (value instanceof Set || Array.isArray(value)) return [...value].flatMap(prototypes);
    if (typeof value !== 'object' || value === null) return [];
    return [Object.getPrototypeOf(value), ...Object.values(value).flatMap(prototypes)];
  };

  it('have no prototype, at any depth', () => {
    const value = { a: new Map([[{ b: 1 }, new Set([{ c: [{}] }])]]), ...{ constructor: 2n } };
    const found = prototypes(loads(dumps(value)));
    expect(found).toEqual([null, null, null, null]);
    expect(prototypes(loads(entry('[["null","a",1],{"b":2},["BigInt","1"]]')))).toEqual([
      null,
      null,
    ]);
  });

  it('have __proto__ and its like as ordinary keys', () => {
    const own = JSON.parse('{"__proto__":{"isAdmin":true},"$__proto__":1,"$$__proto__":2}');
    const value = { inner: own, constructor: 3n, toString: 4, __defineGetter__: 5 };
    const loaded = loads(dumps(value)) as typeof value;
    expect(Object.keys(loaded.inner)).toEqual(['__proto__', '$__proto__', '$$__proto__']);
    expect(Object.entries(loaded.inner)[0]?.[1]).toEqual({ isAdmin: true });
    expect(Object.getPrototypeOf(loaded.inner)).toBeNull();
    expect({ ...loaded, inner: 0 }).toEqual({ ...value, inner: 0 });
    expect(dumps(loaded)).toBe(dumps(value));
  });
});
