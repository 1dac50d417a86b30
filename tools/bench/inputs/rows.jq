# Groups rows and rewrites them.
map(select(.place.known) | {name, tags, where: "\(.place.x),\(.place.y)"})
| group_by(.name)
| map({name: .[0].name, count: length, tags: (map(.tags[]) | unique | join(" "))})
| sort_by(-.count, .name)
| length
