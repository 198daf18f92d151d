-- Lists timers that are due by Redis's clock.
--
-- KEYS[1]  the queue        ARGV[1]  the most timers to list
--
-- Returns the present in microseconds, the time in milliseconds of the first
-- timer that is not due or an empty string, and the due timers: id, time, …
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local result = { t[1] .. string.format('%06d', t[2]), '' }
local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if next[2] then result[2] = next[2] end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for i = 1, #due do result[i + 2] = due[i] end
return result
