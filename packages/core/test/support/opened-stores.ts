import { type Entries, memorySessions, putRaw, signed, storedJson } from './sqlite-sessions.ts';

/** A store whose record has these entries, as if nothing had been done with it yet. */
export async function openWith(entries: Entries, options = {}) {
  const place = memorySessions<Entries>(options);
  const first = place.sessions.open();
  first.update(entries);
  await first.save();
  const key = String(first.sessionKey);
  return { ...place, key, session: place.sessions.open(key) };
}

/** A store of a row with exactly this JSON. */
export async function openRaw<Data extends object = Entries>(json: string) {
  const place = memorySessions<Data>();
  const now = place.clock.now();
  const key = await putRaw(place.backend, signed(json, now), now);
  const text = () => storedJson(place.backend, key);
  return { ...place, key, text, session: place.sessions.open(key) };
}
