#!/bin/bash
# What a profile must not be composed of does not compile, and says why. $1 is the compiler; it reads the headers beside
# this file, in the tree that the build reads.
set -euo pipefail

root="$(readlink -f "$0")"
root="${root%/tests/unit/hooks/*}"

# The compiler's messages about this body; "compiles" when there are none.
messages() {
  local output
  if output="$(cat - <<<"$layers$1" | "$compiler" -std=c++20 -fsyntax-only -I "$root" -x c++ - 2>&1)"; then
    printf 'compiles\n'
  else
    printf '%s\n' "$output"
  fi
}

expect() {
  local about="$1" expected="$2" body="$3" found
  found="$(messages "$body")"
  if [[ "$found" != *"$expected"* ]]; then
    printf '%s: expected "%s", got:\n%s\n' "$about" "$expected" "$found"
    exit 1
  fi
}

compiler="$1"
layers='
#include "src/hooks/profile.h"
using namespace bartizan;
struct Good {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 8;
  static void OnFree(const SlotReturn&) {}
};
struct OfTheSameToggle : Good {};
struct Misspelt {
  static constexpr Toggle kToggle = Toggle::kZeroOnFree;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 8;
  static void OnFreed(const SlotReturn&) {}
};
'
expect 'a good profile' 'compiles' 'size_t n = Profile<Gated<Good>>::TrailerBytes({0});'
expect 'a layer twice' 'each layer once' 'size_t n = Profile<Gated<Good>, Always<Good>>::TrailerBytes({0});'
expect 'a toggle twice' 'each layer once' 'size_t n = Profile<Gated<Good>, Gated<OfTheSameToggle>>::TrailerBytes({0});'
expect 'a misspelt hook, gated' 'constraints not satisfied' 'size_t n = Profile<Gated<Misspelt>>::TrailerBytes({0});'
expect 'a misspelt hook, always on' 'constraints not satisfied' 'size_t n = Profile<Always<Misspelt>>::TrailerBytes({0});'
expect 'a layer without a mode' 'no member named' 'size_t n = Profile<Good>::TrailerBytes({0});'
