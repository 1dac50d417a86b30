// Where random streams come from: the kernel; or, with the option `seed`, that number, so that
// every choice of the allocator can be made again.
//
// A derived stream depends on the seed, on the process's place among its ancestors' forks, on what
// the stream is for and on its number among those: not on the order in which streams are asked for.
#ifndef BARTIZAN_SRC_METADATA_SEEDING_H_
#define BARTIZAN_SRC_METADATA_SEEDING_H_

#include <cstdint>

#include "src/base/random.h"

namespace bartizan {

// What a stream is for. The numbers go into the keys: they stay, or old seeds replay nothing.
enum class StreamUse : uint32_t {
  kStart = 1,
  kHeap = 2,  // number: the heap's
  kLargeBlocks = 3,
  kHandles = 4,
  kEpochs = 5,
  kStacks = 6,
};

// Derived from all of the arguments.
struct StreamKey {
  uint32_t words[RandomStream::kKeyWords];
};
StreamKey DeriveKey(uint64_t seed, uint64_t fork_path, StreamUse use, uint32_t number);

// A stream that no other part of this process, no parent and no sibling has.
RandomStream NewStream(StreamUse use, uint32_t number = 0);

namespace seeding {

// Once, before the first stream: the option, 0 for streams from the kernel.
void Start(uint64_t seed);

// Before a fork, by the thread that forks, with the engine's locks held; then by the child, while
// it has one thread.
void BeginFork();
void BeginChild();

}  // namespace seeding
}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_SEEDING_H_
