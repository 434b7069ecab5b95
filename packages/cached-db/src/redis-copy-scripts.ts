/**
 * `KEYS[1]` is the journal: a sorted set of the sessions that were written lately, by the server's time; `*` stands for
 * all. It outlives the process that wrote, so that the others, or the next one, remove what that one no longer can.
 */
const prologue = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** The scripts by the names under which a client gets them, and how many keys each names. */
export const redisCopyScripts: Readonly<Record<string, { lua: string; numberOfKeys: number }>> = {
  /**
   * Notes a write and removes the copy. `KEYS[2]`: the copy. `ARGV`: key of the session, what names of copies begin
   * with, milliseconds for which a write is remembered. What is forgotten has its copy removed a last time.
   */
  coatcheckDropCopy: {
    numberOfKeys: 2,
    lua: `${prologue}
redis.call('ZADD', KEYS[1], now, ARGV[1])
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3], 'LIMIT', 0, 10)
for _, key in ipairs(old) do
  redis.call('DEL', ARGV[2] .. key)
  redis.call('ZREM', KEYS[1], key)
end
return redis.call('DEL', KEYS[2])
`,
  },
  /** Removes those copies that were put there although their session was written lately. `ARGV`: begin, time, keys. */
  coatcheckDropReturned: {
    numberOfKeys: 1,
    lua: `${prologue}
local function isRecent(key)
  local at = redis.call('ZSCORE', KEYS[1], key)
  return at and tonumber(at) > now - ARGV[2]
end
local all = isRecent('*')
for i = 3, #ARGV do
  if all or isRecent(ARGV[i]) then redis.call('DEL', ARGV[1] .. ARGV[i]) end
end
return 1
`,
  },
};
