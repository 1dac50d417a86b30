#include "src/platform/entropy.h"

#include <sys/auxv.h>
#include <sys/random.h>

#include <cstring>
#include <ctime>

#include "src/platform/file.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

// The finalizer of a well-mixed 64-bit hash (Stafford's variant 13 of the MurmurHash3 finalizer).
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

void FillFromStartRandom(uint8_t* out, size_t bytes) {
  uint64_t start[2] = {0, 0};
  if (const auto* given = reinterpret_cast<const void*>(getauxval(AT_RANDOM))) {
    std::memcpy(start, given, sizeof start);
  }
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t state = Mix(start[0]) ^ start[1] ^ reinterpret_cast<uintptr_t>(out) ^
                   static_cast<uint64_t>(now.tv_nsec) ^ (static_cast<uint64_t>(now.tv_sec) << 32);
  for (size_t i = 0; i < bytes; ++i) {
    if (i % 8 == 0) state = Mix(state + start[(i / 8) % 2] + 0x9e3779b97f4a7c15u);
    out[i] = static_cast<uint8_t>(state >> (8 * (i % 8)));
  }
}

}  // namespace

bool FillRandom(void* buffer, size_t bytes) {
  auto* out = static_cast<uint8_t*>(buffer);
  size_t done = 0;
  while (done < bytes) {
    const long got = Syscall(SYS_getrandom, out + done, bytes - done, GRND_NONBLOCK);
    if (got == -EINTR) continue;
    if (got <= 0) break;
    NoteStored(out + done, static_cast<size_t>(got));
    done += static_cast<size_t>(got);
  }
  if (done == bytes) return true;
  const FileText file =
      ReadSmallFile("/dev/urandom", reinterpret_cast<char*>(out + done), bytes - done);
  if (file.length == static_cast<long>(bytes - done)) return true;
  FillFromStartRandom(out + done, bytes - done);
  return false;
}

uint64_t CoarseMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

uint64_t Nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace bartizan::platform
