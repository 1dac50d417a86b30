-- Words, one coroutine for each seed, taking turns: words.lua COUNT SEED...
local count = tonumber(arg[1])

local function table_of(number)
  local values = {}
  for i = 1, count do
    number = number * 16807 % 2147483647
    local key = "k" .. number % 9973
    local piece = string.rep(string.char(97 + number % 26), number // 128 % 61 + 1)
    local old = values[key] or ""
    values[key] = #old > 3000 and piece or old .. piece
    if i % 1000 == 0 then coroutine.yield() end
  end
  local keys = {}
  for key in pairs(values) do keys[#keys + 1] = key end
  table.sort(keys)
  local lines = {}
  for _, key in ipairs(keys) do
    local text = values[key]
    lines[#lines + 1] = string.format("%s %d %s %s\n", key, #text, text:sub(1, 8), text:sub(-8))
  end
  return table.concat(lines)
end

local routines, results = {}, {}
for i = 2, #arg do
  routines[#routines + 1] = coroutine.create(function() results[i - 1] = table_of(math.tointeger(tonumber(arg[i]))) end)
end
local alive = true
while alive do
  alive = false
  for _, routine in ipairs(routines) do
    if coroutine.status(routine) ~= "dead" then
      assert(coroutine.resume(routine))
      alive = true
    end
  end
end
io.write(table.concat(results))
