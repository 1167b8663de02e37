-- Counts one request, as Gcra::count does. Kept is the moment, in microseconds, when the whole quota is there again.
-- KEYS[1] the caller; ARGV[1] microseconds between two requests; ARGV[2] how many may come at once.
-- Answers whether the request is admitted (1 or 0), and the microseconds until the whole quota is there again.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval = tonumber(ARGV[1])
local full = now + interval * tonumber(ARGV[2])
local known = redis.call('GET', KEYS[1])
local kept = math.min(math.max(tonumber(known or now) or now, now), full)
local admitted = 0
if kept + interval <= full then
    kept = kept + interval
    admitted = 1
end
local keep = string.format('%.0f', kept)
if keep ~= known then
    redis.call('SET', KEYS[1], keep, 'PX', math.max(math.ceil((kept - now) / 1000), 1))
end
return {admitted, kept - now}
