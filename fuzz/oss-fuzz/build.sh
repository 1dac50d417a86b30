#!/bin/bash
# Builds every fuzz target for OSS-Fuzz and ClusterFuzzLite, into $OUT, in their environment: CC, CFLAGS, CXXFLAGS,
# LIB_FUZZING_ENGINE, SANITIZER, OUT, WORK. README.md in this folder says what is supported.
set -euo pipefail

root="$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")"
readonly root
: "${CC:?}" "${LIB_FUZZING_ENGINE:?}" "${OUT:?}" "${WORK:?}"
readonly sanitizer="${SANITIZER:-address}"
case "$sanitizer" in
  address | undefined | coverage | none) ;;
  *)
    printf 'build.sh: SANITIZER=%s is not supported: README.md says why\n' "$sanitizer" >&2
    exit 1
    ;;
esac

read -ra c_flags <<< "${CFLAGS:-}"
read -ra cxx_flags <<< "${CXXFLAGS:-}"
read -ra engine <<< "$LIB_FUZZING_ENGINE"

# The harness stands in front of functions of the library by their names, which depend on the C++ library: always GNU's. It is
# linked statically, for the programs run in another container. "%:" stands for a colon that separates nothing.
flags=(--symlink_prefix=/ "--repo_env=CC=$CC" '--repo_env=BAZEL_LINKOPTS=-fuse-ld=lld:-l%:libstdc++.a:-lm')
for flag in "${c_flags[@]}"; do flags+=("--conlyopt=$flag"); done
for flag in "${cxx_flags[@]}"; do
  [[ "$flag" == -stdlib=* ]] || flags+=("--cxxopt=$flag" "--linkopt=$flag")
done
if [[ "$sanitizer" == undefined ]]; then
  # There is no run-time type information to look at, and unsigned numbers wrap where they are meant to.
  flags+=('--conlyopt=-fno-sanitize=vptr,unsigned-integer-overflow' '--cxxopt=-fno-sanitize=vptr,unsigned-integer-overflow')
fi
for word in "${engine[@]}"; do flags+=("--linkopt=$word"); done
# Warnings of another compiler than the project's are none of the fuzzers' business.
flags+=(--copt=-Wno-error)
# AFL++'s compiler is told what to do by variables.
while IFS= read -r name; do flags+=("--action_env=$name"); done < <(compgen -e AFL_ || true)

cd "$root"
bazel=(bazel "--output_base=$WORK/bazel")
readonly bazel flags
trap '"${bazel[@]}" shutdown' EXIT
mapfile -t packages < <("${bazel[@]}" query --noshow_progress 'attr(tags, "\boss_fuzz\b", //fuzz/...)')
((${#packages[@]}))
"${bazel[@]}" build --noshow_progress "${flags[@]}" "${packages[@]}"

mkdir -p "$OUT"
execution_root="$("${bazel[@]}" info --noshow_progress "${flags[@]}" execution_root)"
while IFS= read -r path; do
  install -m "$([[ "$path" == *.* ]] && echo 644 || echo 755)" "$execution_root/$path" "$OUT"
done < <("${bazel[@]}" cquery --noshow_progress "${flags[@]}" --output=starlark \
  --starlark:expr='"\n".join([file.path for file in target.files.to_list()])' "set(${packages[*]})")

if [[ "$sanitizer" == coverage ]]; then
  # The pages of coverage show the sources, which the compiler knows by the folder that it ran in.
  mkdir -p "$OUT/proc/self/cwd"
  tar -c --exclude=corpus --exclude=crashes include src hardening fuzz | tar -x -C "$OUT/proc/self/cwd"
fi
