-- Trees of small tables and strings, built and dropped: trees.lua ROUNDS.
local function build(depth, name)
  if depth == 0 then
    return { name = name }
  end
  return { name = name, left = build(depth - 1, name .. "l"), right = build(depth - 1, name .. "r") }
end

local function collect(tree, into)
  into[#into + 1] = tree.name .. #tree.name
  if tree.left then
    collect(tree.left, into)
    collect(tree.right, into)
  end
  return into
end

local size = 0
local kept = {}
for round = 1, tonumber(arg[1]) do
  local tree = build(12, "n" .. round)
  local names = collect(tree, {})
  table.sort(names)
  size = size + #table.concat(names, " ")
  kept[round % 4] = tree
end
print(size)
