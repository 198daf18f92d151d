-- Applies a batch of commits, one after the other, each whole or not at all.
--
-- KEYS[1]       the marker of this call
-- KEYS[2..]     one key for each op, in order
-- ARGV[1]       how long the marker is remembered, in milliseconds
-- ARGV[2]       number of commits
-- ARGV[3..]     for each commit: number of ops, number of arguments that
--               follow, and for each op a letter and its arguments
--
-- Returns a list "commit:op,…" of the conditions that failed, counted from 0;
-- empty if all commits were applied. A "!" after an op says that its key is of a
-- type that is never written there: nothing of its commit was applied.
local call = redis.call

-- The call was made before and its reply was lost. The write gives a WAIT on this
-- connection something to wait for.
local result = call('GET', KEYS[1])
if result then
  call('PEXPIRE', KEYS[1], ARGV[1])
  return result
end

local now
local function clock()
  if not now then
    local t = call('TIME')
    now = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return now
end

-- Whether a key is missing, or of the type that is written there.
local types = {}
local function fits(key, wanted)
  local found = types[key]
  if not found then
    found = call('TYPE', key).ok
    types[key] = found
  end
  return found == wanted or found == 'none'
end

local marked = false
local failures
local existing = {} -- records that were required and exist
local k, a = 2, 3
for c = 1, tonumber(ARGV[2]) do
  local ops, args = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
  local first = a + 2
  a = first + args

  -- All conditions, before any effect.
  local failed
  local appended
  local p = first
  for i = 0, ops - 1 do
    local op, key = ARGV[p], KEYS[k + i]
    if op == 'R' then
      if not existing[key] then
        if call('EXISTS', key) == 0 then failed = i break end
        existing[key] = true
      end
      p = p + 1
    elseif op == 'A' then
      if not fits(key, 'list') then failed = i .. '!' break end
      local length = call('LLEN', key)
      if appended then length = length + (appended[key] or 0) else appended = {} end
      if length ~= tonumber(ARGV[p + 1]) then failed = i break end
      appended[key] = (appended[key] or 0) + 1
      p = p + 3
    elseif op == 'I' then
      if call('EXISTS', key) == 1 then failed = i break end
      p = p + 3
    elseif op == 'K' then
      if call('EXISTS', key) == 0 then failed = i break end
      p = p + 2
    elseif op == 'V' then
      if not fits(key, 'string') then failed = i .. '!' break end
      if call('GET', key) ~= ARGV[p + 1] then failed = i break end
      p = p + 2
    elseif op == 'U' then
      if not fits(key, 'zset') then failed = i .. '!' break end
      local at = call('ZSCORE', key, ARGV[p + 1])
      if not at or tonumber(at) > clock() then failed = i break end
      p = p + 2
    elseif op == 'D' or op == 'J' then
      p = p + 1
    elseif op == '+' or op == '-' or op == 'C' then
      if not fits(key, 'zset') then failed = i .. '!' break end
      p = p + 2
    elseif op == 'P' then
      p = p + 3
    else -- S, F
      if not fits(key, 'zset') then failed = i .. '!' break end
      p = p + 3
    end
  end

  if failed then
    failures = failures or {}
    failures[#failures + 1] = (c - 1) .. ':' .. failed
  else
    -- The marker is the first write: when Redis refuses writes (memory, disk,
    -- replica), it refuses this one, and nothing was done.
    if not marked then
      call('SET', KEYS[1], '', 'PX', ARGV[1])
      marked = true
    end
    p = first
    for i = 0, ops - 1 do
      local op, key = ARGV[p], KEYS[k + i]
      if op == 'R' then
        p = p + 1
      elseif op == 'A' then
        call('RPUSH', key, ARGV[p + 2])
        p = p + 3
      elseif op == 'P' or op == 'I' then
        existing[key], types[key] = nil, nil
        if ARGV[p + 2] == '0' then
          call('SET', key, ARGV[p + 1])
        else
          call('SET', key, ARGV[p + 1], 'PX', ARGV[p + 2])
        end
        p = p + 3
      elseif op == 'K' then -- unless an op before it removed the record
        types[key] = nil
        call('SET', key, ARGV[p + 1], 'XX', 'KEEPTTL')
        p = p + 2
      elseif op == 'D' then
        existing[key], types[key] = nil, nil
        call('DEL', key)
        p = p + 1
      elseif op == 'J' then
        types[key] = nil
        call('DEL', key)
        p = p + 1
      elseif op == '+' then
        call('ZADD', key, 0, ARGV[p + 1])
        p = p + 2
      elseif op == '-' or op == 'C' then
        call('ZREM', key, ARGV[p + 1])
        p = p + 2
      elseif op == 'S' then
        call('ZADD', key, ARGV[p + 2], ARGV[p + 1])
        p = p + 3
      elseif op == 'F' then
        call('ZADD', key, clock() + tonumber(ARGV[p + 2]), ARGV[p + 1])
        p = p + 3
      else -- V, U
        p = p + 2
      end
    end
  end
  k = k + ops
end

if not failures then return '' end
result = table.concat(failures, ',')
if marked then
  call('SET', KEYS[1], result, 'PX', ARGV[1])
end
return result
