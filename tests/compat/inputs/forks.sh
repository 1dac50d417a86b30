#!/bin/bash
# Many forks, pipes, background jobs, arrays and growing strings: forks.sh ROUNDS; prints sums that are known.
set -euo pipefail

rounds="$1"
declare -A keys=()
text=''
sum=0
for ((i = 1; i <= rounds; i++)); do
  square="$(echo "$i" | { read -r n; echo $((n * n)); })"
  sum=$((sum + square))
  keys["key $((i % 97))"]="$square"
  text+="$i "
done
jobs=0
for ((i = 10; i <= rounds; i += 10)); do
  (exit 0) &
  jobs=$((jobs + 1))
  ((jobs % 20)) || wait
done
wait
last="$(for ((i = 1; i <= rounds; i++)); do printf '%05d\n' "$i"; done | sort -r | head -n 1 || true)"
printf 'sum %s\nkeys %s\nlength %s\njobs %s\nlast %s\n' "$sum" "${#keys[@]}" "${#text}" "$jobs" "$last"
