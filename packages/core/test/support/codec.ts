import { jsonSerializer, TimestampSigner } from '@coatcheck/core';
import { SessionCodec } from '../../src/session-codec.ts';
import { validateSettings } from '../../src/settings.ts';
import { createClock } from './clock.ts';
import { MemoryBackend } from './memory-backend.ts';
import { type Options, SECRET_KEY } from './sqlite-sessions.ts';

export const SALT = 'some.salt';
export const encodings = {
  serialized: 'serialized',
  signed: { salt: SALT },
  'in a cookie': { salt: SALT, inCookie: true },
  'sealed in a cookie': { salt: SALT, inCookie: true, sealed: true },
} as const;
export type Encoding = keyof typeof encodings;

/** A codec of its own, with what it finds in texts. */
export function codecOf(encoding: Encoding, options: Options = {}) {
  const clock = createClock();
  const settings = validateSettings({
    backend: new MemoryBackend({ now: clock.now }),
    secretKey: SECRET_KEY,
    now: clock.now,
    ...options,
  });
  const codec = new SessionCodec(encodings[encoding], settings);
  const decode = (data: string, key?: string) => codec.decode({ data, base: data }, key);
  const entriesOf = (data: string, key?: string): unknown => {
    const decoded = decode(data, key);
    return typeof decoded === 'string' ? decoded : Object.fromEntries(decoded.entries);
  };
  return { clock, codec, decode, entriesOf };
}

/** Values as the entries of a session. */
export const entries = (values: Record<string, unknown>) =>
  new Map(Object.entries(values).map(([key, value]) => [key, jsonSerializer.dumps(value)]));

/** As a Django signs it. */
export const sign = (json: string, now: Date, compress = false) =>
  new TimestampSigner({ key: SECRET_KEY, salt: SALT }).signText(json, { compress, now });
