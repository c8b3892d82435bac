/**
 * Scripts that Redis runs as one step. Each touches one key, which is its only one, so that a cluster finds its
 * node; each leaves its key with a time to live; each replaces what is of another kind under its key.
 */

/** Byte by byte: `<` on strings goes by the server's locale. */
const later = `
local function later(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
`;

const ofKind = (kind: string) => `
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= '${kind}' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
`;

const nowMs = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** ARGV: value, how many are kept, time to live in ms. */
const pushRecent = `${ofKind("list")}
redis.call('LREM', KEYS[1], 0, ARGV[1])
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
`;

/** ARGV: expected, value, time to live in ms. Returns 1 when it was that. */
const swap = `${ofKind("string")}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`;

/** ARGV: position, as of, value, time to live in ms. Returns 1 when it is kept. */
const setDated = `${later}${ofKind("hash")}
local before = redis.call('HMGET', KEYS[1], 'position', 'asOf')
if before[1] and later(before[1], ARGV[1]) then return 0 end
if before[1] == ARGV[1] and later(before[2] or '', ARGV[2]) then return 0 end
${nowMs}
redis.call('HSET', KEYS[1], 'position', ARGV[1], 'asOf', ARGV[2], 'value', ARGV[3], 'at', now)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`;

/** ARGV: position, time to live in ms. Returns 1 when the mark stands. */
const markDated = `${later}${ofKind("hash")}
local before = redis.call('HGET', KEYS[1], 'position')
if before and not later(ARGV[1], before) then return 0 end
redis.call('HSET', KEYS[1], 'position', ARGV[1])
redis.call('HDEL', KEYS[1], 'asOf', 'value', 'at')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`;

/** Returns value, position, as of, and age in ms; nothing where there is no value. */
const getDated = `
local kept = redis.call('HMGET', KEYS[1], 'value', 'position', 'asOf', 'at')
if not kept[1] then return nil end
${nowMs}
return {kept[1], kept[2], kept[3], math.max(0, now - kept[4])}
`;

/** By the names that the client calls them by. */
export const scripts = {
  hotSwap: { lua: swap, numberOfKeys: 1 },
  hotPushRecent: { lua: pushRecent, numberOfKeys: 1 },
  hotSetDated: { lua: setDated, numberOfKeys: 1 },
  hotMarkDated: { lua: markDated, numberOfKeys: 1 },
  hotGetDated: { lua: getDated, numberOfKeys: 1 },
} as const;

/** What a client can do once it knows the scripts. */
export interface ScriptCalls {
  hotSwap(key: string, expected: string, value: string, ttlMs: number): Promise<0 | 1>;
  hotPushRecent(key: string, value: string, max: number, ttlMs: number): Promise<unknown>;
  hotSetDated(key: string, position: string, asOf: string, value: string, ttlMs: number): Promise<0 | 1>;
  hotMarkDated(key: string, position: string, ttlMs: number): Promise<0 | 1>;
  hotGetDated(key: string): Promise<[value: string, position: string, asOf: string, ageMs: number] | null>;
}
