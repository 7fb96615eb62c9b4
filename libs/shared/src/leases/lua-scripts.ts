/*
 * One script per indivisible operation. Time is the server's. Numbers that may be large travel and are stored as text,
 * since Lua's JSON writes 14 digits only.
 *
 * An epoch is open while its key holds the run id of this very server process: it is gone after a flush, and after a
 * restart or failover it names another server. Both may have lost what was granted last, whatever of the data is back.
 */

const prelude = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`;

/** A command that is over: somebody else owns the volume by now, or the same owner asked for something since. */
const overtaking = `
local function overtaken(token, order, lastToken, lastOrder)
  token, lastToken = tonumber(token), tonumber(lastToken)
  -- What was written by a version before this one has no order.
  return token < lastToken or (token == lastToken and tonumber(order) < tonumber(lastOrder or '0'))
end
`;

/** Needs the keys of the epoch and the recovery. */
const epoch = `
local function runId() return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') end
local function epochOpen(epochKey) return redis.call('GET', epochKey) == runId() end
local function recoverySince(recoveryKey)
  local recovery = redis.call('HMGET', recoveryKey, 'runId', 'sinceMs')
  if recovery[1] == runId() then return tonumber(recovery[2]) end
  return nil
end
local function opensIn(recoveryKey, lifeMs)
  local since = recoverySince(recoveryKey)
  if not since then return -1 end
  return math.max(0, since + 2 * lifeMs - now)
end
`;

/** Needs the keys of the records and of their expiry. */
const records = `
local function readRecord(recordsKey, id)
  local raw = redis.call('HGET', recordsKey, id)
  return raw and cjson.decode(raw) or nil
end
local function writeRecord(recordsKey, expiryKey, id, record, ttlMs)
  redis.call('HSET', recordsKey, id, cjson.encode(record))
  redis.call('ZADD', expiryKey, text(now + ttlMs), id)
end
`;

export interface LuaScript {
  readonly lua: string;
  readonly keys: number;
}

/** keys: lease, counter, epoch, recovery; args: holder, ttlMs, lifeMs, needsEpoch */
export const acquireLease: LuaScript = {
  keys: 4,
  lua: `${prelude}${epoch}
if ARGV[4] == '1' and not epochOpen(KEYS[3]) then return {'epochLost', opensIn(KEYS[4], tonumber(ARGV[3]))} end
if redis.call('EXISTS', KEYS[1]) == 1 then return {'held', math.max(1, redis.call('PTTL', KEYS[1]))} end
local token = text(math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now))
redis.call('SET', KEYS[2], token)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'granted', token}`,
};

/** keys: lease; args: holder, token, ttlMs */
export const renewLease: LuaScript = {
  keys: 1,
  lua: `
local lease = redis.call('HMGET', KEYS[1], 'holder', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`,
};

/** keys: lease; args: holder, token */
export const releaseLease: LuaScript = {
  keys: 1,
  lua: `
local lease = redis.call('HMGET', KEYS[1], 'holder', 'token')
if lease[1] == ARGV[1] and lease[2] == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1`,
};

/**
 * Who begins a move while another policy waits for room, and was given some longer ago, is turned away: so no policy
 * takes all that comes free. A policy waits for as long as it asks again and again.
 *
 * keys: records, expiry, epoch, recovery, waiting, turns; args: migrationId, token, mode, ttlMs, lifeMs, holds, waitMs, order
 */
export const hold: LuaScript = {
  keys: 6,
  lua: `${prelude}${overtaking}${epoch}${records}
if not epochOpen(KEYS[3]) then return {'epochLost', opensIn(KEYS[4], tonumber(ARGV[5]))} end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now))) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
local record = readRecord(KEYS[1], ARGV[1])
if record and overtaken(ARGV[2], ARGV[8], record.token, record.order) then return {'superseded'} end
local mine = record and record.holds or {}
local used = {}
local all = redis.call('HGETALL', KEYS[1])
for index = 1, #all, 2 do
  if all[index] ~= ARGV[1] then
    for key, amount in pairs(cjson.decode(all[index + 1]).holds) do
      used[key] = (used[key] or 0) + tonumber(amount)
    end
  end
end
local holds = ARGV[3] == 'add' and mine or {}
local wanted = cjson.decode(ARGV[6])
local blocked, policy, policyFull, begins = nil, nil, false, false
for _, want in ipairs(wanted) do
  local others = used[want.key] or 0
  local amount = tonumber(want.amount)
  -- What it holds already it may keep, also above a limit that was lowered since.
  local full = amount > tonumber(mine[want.key] or '0') and others + amount > tonumber(want.limit)
  if full and not blocked then blocked = want.key end
  if string.sub(want.key, 1, 7) == 'policy/' then policy, policyFull = want.key, full end
  if want.key == 'fleet' and not mine.fleet then begins = true end
end
if begins and policy then
  if not blocked then
    local last = tonumber(redis.call('HGET', KEYS[6], policy) or '0')
    local asked = redis.call('HGETALL', KEYS[5])
    for index = 1, #asked, 2 do
      if now - tonumber(asked[index + 1]) > tonumber(ARGV[7]) then
        redis.call('HDEL', KEYS[5], asked[index])
      elseif asked[index] ~= policy and tonumber(redis.call('HGET', KEYS[6], asked[index]) or '0') < last then
        blocked = 'fleet'
      end
    end
  end
  if blocked and not policyFull then redis.call('HSET', KEYS[5], policy, text(now)) else redis.call('HDEL', KEYS[5], policy) end
  if not blocked then redis.call('HSET', KEYS[6], policy, redis.call('HINCRBY', KEYS[6], 'count', 1)) end
  redis.call('PEXPIRE', KEYS[5], ARGV[4])
  redis.call('PEXPIRE', KEYS[6], ARGV[4])
end
if blocked then return {'limit', blocked, text(used[blocked] or 0)} end
for _, want in ipairs(wanted) do holds[want.key] = want.amount end
writeRecord(KEYS[1], KEYS[2], ARGV[1], {token = ARGV[2], order = ARGV[8], holds = holds}, tonumber(ARGV[4]))
return {'granted'}`,
};

/**
 * Leaves a mark, so that a list of intents read before the release does not bring the holds back.
 *
 * keys: records, expiry; args: migrationId, token, ttlMs, order
 */
export const releaseHolds: LuaScript = {
  keys: 2,
  lua: `${prelude}${overtaking}${records}
local record = readRecord(KEYS[1], ARGV[1])
if record and overtaken(ARGV[2], ARGV[4], record.token, record.order) then return 0 end
local mark = {token = ARGV[2], order = ARGV[4], released = true, holds = {}}
writeRecord(KEYS[1], KEYS[2], ARGV[1], mark, tonumber(ARGV[3]))
return 1`,
};

/** keys: records, expiry, epoch, recovery, counter; args: ttlMs, lifeMs, leave|begin|commit, recovery or '', intents */
export const register: LuaScript = {
  keys: 5,
  lua: `${prelude}${epoch}${records}
local ttlMs, lifeMs = tonumber(ARGV[1]), tonumber(ARGV[2])
local open = epochOpen(KEYS[3])
local since = nil
if not open then
  since = recoverySince(KEYS[4])
  if not since and ARGV[3] ~= 'leave' then
    since = now
    redis.call('HSET', KEYS[4], 'runId', runId(), 'sinceMs', text(now))
  end
end
local highest = tonumber(redis.call('GET', KEYS[5]) or '0')
for _, intent in ipairs(cjson.decode(ARGV[5])) do
  local id, token = intent.migrationId, tonumber(intent.token)
  highest = math.max(highest, token)
  local record = readRecord(KEYS[1], id)
  if record and record.released and token > tonumber(record.token) then record = nil end
  if not record then
    record = {token = intent.token, order = '0', holds = {}}
    for _, held in ipairs(intent.holds) do record.holds[held.key] = held.amount end
    writeRecord(KEYS[1], KEYS[2], id, record, ttlMs)
  elseif not record.released then
    if token > tonumber(record.token) then record.token, record.order = intent.token, '0' end
    -- In an open epoch the record is the truth and the list may be older; without one, all that anybody knows counts.
    if not open then
      for _, held in ipairs(intent.holds) do
        if tonumber(held.amount) > tonumber(record.holds[held.key] or '-1') then record.holds[held.key] = held.amount end
      end
    end
    writeRecord(KEYS[1], KEYS[2], id, record, ttlMs)
  end
end
redis.call('SET', KEYS[5], text(highest))
if open then return {'open', 0, ''} end
if ARGV[3] == 'commit' and now >= since + 2 * lifeMs and (ARGV[4] == '' or tonumber(ARGV[4]) == since) then
  redis.call('SET', KEYS[3], runId())
  redis.call('DEL', KEYS[4])
  return {'open', 0, ''}
end
return {'epochLost', opensIn(KEYS[4], lifeMs), since and text(since) or ''}`,
};

/** keys: epoch, recovery; args: lifeMs */
export const readEpoch: LuaScript = {
  keys: 2,
  lua: `${prelude}${epoch}
if epochOpen(KEYS[1]) then return {'open', 0} end
return {'epochLost', opensIn(KEYS[2], tonumber(ARGV[1]))}`,
};

/** keys: fence, turn, epoch, recovery; args: migrationId, token, ttlMs, lifeMs, turnMs, order */
export const acquireFence: LuaScript = {
  keys: 4,
  lua: `${prelude}${overtaking}${epoch}
local id, ttlMs = ARGV[1], tonumber(ARGV[3])
if not epochOpen(KEYS[3]) then return {'epochLost', opensIn(KEYS[4], tonumber(ARGV[4]))} end
local held = redis.call('HMGET', KEYS[1], 'id', 'token', 'order')
local mine = held[1] == id
if mine and overtaken(ARGV[2], ARGV[6], held[2], held[3]) then return {'superseded'} end
local leftMs = 0
if held[1] and not mine then leftMs = math.max(1, redis.call('PTTL', KEYS[1])) end
-- The first that is turned away is next, or it might wait for ever.
local turn = redis.call('GET', KEYS[2])
if leftMs == 0 and not mine and turn and turn ~= id then leftMs = math.max(1, redis.call('PTTL', KEYS[2])) end
if leftMs > 0 then
  if not turn or turn == id then redis.call('SET', KEYS[2], id, 'PX', text(math.min(tonumber(ARGV[5]), math.ceil(ttlMs / 3)))) end
  return {'held', leftMs}
end
if turn == id then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[1], 'id', id, 'token', ARGV[2], 'order', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'granted'}`,
};

/** keys: fence; args: migrationId, token, ttlMs */
export const renewFence: LuaScript = {
  keys: 1,
  lua: `
local held = redis.call('HMGET', KEYS[1], 'id', 'token')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`,
};

/** keys: fence, turn; args: migrationId, token, order */
export const releaseFence: LuaScript = {
  keys: 2,
  lua: `${overtaking}
local held = redis.call('HMGET', KEYS[1], 'id', 'token', 'order')
if held[1] == ARGV[1] then
  if overtaken(ARGV[2], ARGV[3], held[2], held[3]) then return 0 end
  redis.call('DEL', KEYS[1])
end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1`,
};

/**
 * A call takes a slot until a while after it has to be sent (`mayastor/call-life.ts`). A server that forgot which are
 * taken, or may have, or whose clock was set back, takes all of them for taken for as long as any can be.
 *
 * keys: slots, claims, run; args: rank (0 is the most urgent), callsPerSecond, claimMs, takenMs, takenMaxMs
 */
export const takeCall: LuaScript = {
  keys: 3,
  lua: `${prelude}${epoch}
local rank, limit, claimMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local takenMs, takenMaxMs = tonumber(ARGV[4]), tonumber(ARGV[5])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if redis.call('GET', KEYS[3]) ~= runId() or (last[2] and tonumber(last[2]) > now + takenMaxMs) then
  redis.call('SET', KEYS[3], runId())
  redis.call('DEL', KEYS[1])
  -- One more than any limit of a process that is set alike: the last call of a second is left to releases.
  for slot = 0, limit do redis.call('ZADD', KEYS[1], text(now + takenMaxMs), 'before ' .. slot) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
local waitMs = 0
for urgent = 0, rank - 1 do
  local claimedMs = tonumber(redis.call('HGET', KEYS[2], urgent) or '0') - now
  if claimedMs <= 2 * takenMaxMs then waitMs = math.max(waitMs, claimedMs) end
end
local taken = redis.call('ZCARD', KEYS[1])
if taken >= limit then
  local free = redis.call('ZRANGE', KEYS[1], taken - limit, taken - limit, 'WITHSCORES')
  waitMs = math.max(waitMs, tonumber(free[2]) - now)
end
if waitMs > 0 then
  redis.call('HSET', KEYS[2], rank, text(now + waitMs + claimMs))
else
  redis.call('ZADD', KEYS[1], text(now + takenMs), redis.call('HINCRBY', KEYS[2], 'count', 1))
end
redis.call('PEXPIRE', KEYS[1], 2 * takenMaxMs)
-- Longer than any slot is taken, so that no two have one number.
redis.call('PEXPIRE', KEYS[2], 3 * takenMaxMs)
return waitMs`,
};
