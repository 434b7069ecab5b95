import { describe, expect, it } from '@jest/globals';
import { jsonSerializer } from '../src/serializers.ts';

describe('jsonSerializer', () => {
  it('writes what Django reads and reads what Django writes', () => {
    expect(jsonSerializer.dumps({ é: 1 })).toBe('{"\\u00e9":1}');
    expect(jsonSerializer.loads('{"a":NaN}')).toEqual({ a: Number.NaN });
  });

  it('names the entry that cannot be stored', () => {
    expect(() => jsonSerializer.dumps({ items: [undefined] }, 'cart')).toThrow(
      'cart.items[0] is undefined',
    );
  });
});
