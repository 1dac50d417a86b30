// Allocates until malloc refuses, without memory of its own: what a test does when the system has
// no more to give.
#ifndef BARTIZAN_TESTS_SUPPORT_EXHAUST_H_
#define BARTIZAN_TESTS_SUPPORT_EXHAUST_H_

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/expect.h"
#include "tests/support/heap.h"
#include "tests/support/pattern.h"
#include "tests/support/random.h"

namespace test {

// A list whose links lie in the blocks themselves, followed by the pattern of their seed.
class Hoard {
 public:
  explicit Hoard(Coverage coverage = Coverage::kEveryPage) : coverage_(coverage) {}

  uint64_t Blocks() const { return blocks_; }
  uint64_t Bytes() const { return bytes_; }

  // Allocates one block of at least the size of its header; false when malloc returned null, with
  // ENOMEM as it must.
  bool Add(size_t size) {
    if (size < sizeof(Header)) size = sizeof(Header);
    errno = 0;
    Header* header = static_cast<Header*>(Malloc(size));
    if (header == nullptr) {
      EXPECT(errno == ENOMEM, "malloc(%zu) failed with errno %d", size, errno);
      return false;
    }
    header->next = first_;
    header->size = size;
    header->seed = size ^ blocks_;
    FillSparse(header + 1, size - sizeof(Header), header->seed, coverage_);
    first_ = header;
    ++blocks_;
    bytes_ += size;
    return true;
  }

  // Until malloc refuses `refusals` times, or `limit` bytes are held.
  void Fill(Random& random, size_t smallest, size_t largest, int refusals, uint64_t limit) {
    while (refusals > 0 && bytes_ < limit) {
      if (!Add(random.Logarithmic(smallest, largest))) --refusals;
    }
  }

  void Check() const {
    uint64_t blocks = 0;
    for (Header* at = first_; at != nullptr; at = at->next, ++blocks) {
      CheckSparse("block held at the limit", at + 1, at->size - sizeof(Header), at->seed,
                  coverage_);
    }
    EXPECT(blocks == blocks_, "%llu of %llu blocks are left",
           static_cast<unsigned long long>(blocks), static_cast<unsigned long long>(blocks_));
  }

  // Grows every block in place or by a move where the system lets it; contents stay.
  void TryToGrow(size_t factor) {
    Header** link = &first_;
    while (*link != nullptr) {
      Header* block = *link;
      size_t size = block->size;
      errno = 0;
      Header* grown = static_cast<Header*>(Realloc(block, size * factor));
      EXPECT(grown != nullptr || errno == ENOMEM, "realloc failed with errno %d", errno);
      Header* now = grown == nullptr ? block : grown;
      CheckSparse("block after realloc", now + 1, size - sizeof(Header), now->seed, coverage_);
      if (grown != nullptr) {
        bytes_ += size * factor - size;
        grown->size = size * factor;
        FillSparse(grown + 1, grown->size - sizeof(Header), grown->seed, coverage_);
        *link = grown;
      }
      link = &now->next;
    }
  }

  // Every `n`-th block, counted from the latest.
  void ReleaseOneIn(uint64_t n) {
    Header** link = &first_;
    for (uint64_t i = 0; *link != nullptr; ++i) {
      Header* block = *link;
      if (i % n != 0) {
        link = &block->next;
        continue;
      }
      *link = block->next;
      --blocks_;
      bytes_ -= block->size;
      Free(block);
    }
  }

  void ReleaseAll() { ReleaseOneIn(1); }

 private:
  struct Header {
    Header* next;
    size_t size;
    uint64_t seed;
  };

  Coverage coverage_;
  Header* first_ = nullptr;
  uint64_t blocks_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_EXHAUST_H_
