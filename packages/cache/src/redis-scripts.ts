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
};
