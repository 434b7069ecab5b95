/**
 * What the server does in one step, each on one key. `ARGV[1]` is the time by a clock of the application's, or empty:
 * then the server's own clock decides what has expired.
 */
const findLive = `
local clock = ARGV[1]
local text = redis.call('GET', KEYS[1])
local ends = -1
if text and clock ~= '' then
  ends = redis.call('PEXPIRETIME', KEYS[1])
  if ends >= 0 and ends <= tonumber(clock) then text = false end
end
local function entry()
  if clock == '' then ends = redis.call('PTTL', KEYS[1]) end
  return { text, ends }
end
`;

/** `ARGV`: clock, `PX`, `PXAT` or nothing for what has ended already, milliseconds, text. */
const put = `
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[4], ARGV[2], ARGV[3]) end
return 1
`;

/** The scripts by the names under which a client gets them; each returns 1 when it is done. */
export const redisScripts: Readonly<Record<string, string>> = {
  /** Text and end. */
  coatcheckRead: `${findLive}
if not text then return false end
return entry()
`,
  /** Nothing when there is an entry. */
  coatcheckAdd: `${findLive}
if text then return false end
${put}`,
  /** What is there instead, or nothing. `ARGV[5]`: the text that must be there. */
  coatcheckReplace: `${findLive}
if not text then return false end
if text ~= ARGV[5] then return entry() end
${put}`,
  /** What is there instead, or nothing. `ARGV[2]`: the text that must be there, if any. */
  coatcheckDelete: `${findLive}
if text and ARGV[2] and text ~= ARGV[2] then return entry() end
redis.call('DEL', KEYS[1])
if text then return 1 end
return false
`,
  /** Session key, milliseconds, address, user agent, lifetime; an empty text is unknown, and the account is the key. The number of notes. */
  coatcheckNote: `
local note = { created = ARGV[2], seen = ARGV[2], address = ARGV[3], agent = ARGV[4] }
local old = redis.call('HGET', KEYS[1], ARGV[1])
local known, before = pcall(cjson.decode, old or '')
if known and type(before) == 'table' then
  note.created = before.created or note.created
  if note.address == '' then note.address = before.address or '' end
  if note.agent == '' then note.agent = before.agent or '' end
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(note))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return redis.call('HLEN', KEYS[1])
`,
  /** Session key, milliseconds: nothing happens when the session was seen since. */
  coatcheckForget: `
local known, note = pcall(cjson.decode, redis.call('HGET', KEYS[1], ARGV[1]) or '')
if known and type(note) == 'table' and (tonumber(note.seen) or 0) >= tonumber(ARGV[2]) then
  return 0
end
return redis.call('HDEL', KEYS[1], ARGV[1])
`,
};
