// The heap that is measured, and what it holds. The drivers' own memory comes from the system.
#ifndef BARTIZAN_TOOLS_BENCH_GIVEN_BACK_HEAP_H_
#define BARTIZAN_TOOLS_BENCH_GIVEN_BACK_HEAP_H_

#include <stddef.h>
#include <stdint.h>

#include "bartizan/epoch.h"
#include "tools/bench/micro/random.h"

namespace given_back {

// What the process holds, in bytes.
struct Held {
  uint64_t resident = 0;   // as the kernel counts it, without what the driver has itself
  uint64_t committed = 0;  // as Bartizan counts it; 0 under another malloc
};

Held Look();
bool KnowsCommitted();

struct Block {
  char* data;
  size_t size;
};

// A block whose pages are all there.
Block Allocate(size_t size);
void Free(Block& block);

// 16 bytes to 8 KiB, each doubling equally likely; one in a thousand 128 KiB to 1 MiB.
size_t DrawSize(bench::Random& random);

// Blocks, in memory that does not come from the heap. It is resident from the beginning.
class Blocks {
 public:
  explicit Blocks(size_t most);
  ~Blocks();
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  void Add(size_t size);
  void Keep(const Block& block);
  // Until they are that many bytes together.
  void Fill(uint64_t bytes, bench::Random& random);
  // All but the first `kept`, in an order of its own.
  void FreeBehind(size_t kept, bench::Random& random);
  void Shuffle(bench::Random& random);
  void Replace(size_t index, size_t size);

  size_t Count() const { return count_; }
  uint64_t Bytes() const;

 private:
  size_t most_;
  size_t count_ = 0;
  Block* blocks_;
};

// An epoch that this thread allocates in until End() where the heap has epochs and they are wanted,
// else nothing.
class Phase {
 public:
  explicit Phase(bool with_epochs);
  // Of the blocks, those that are left stay.
  void End();

 private:
  bool inside_;
  bartizan_epoch epoch_ = {};
  bartizan_epoch_scope scope_ = {};
};

bool HasEpochs();

[[noreturn]] void Fail(const char* what);

}  // namespace given_back

#endif  // BARTIZAN_TOOLS_BENCH_GIVEN_BACK_HEAP_H_
