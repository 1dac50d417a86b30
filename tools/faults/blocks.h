// Blocks of the heap that is being tried, and accesses that no compiler sees through.
#ifndef BARTIZAN_TOOLS_FAULTS_BLOCKS_H_
#define BARTIZAN_TOOLS_FAULTS_BLOCKS_H_

#include <cstddef>
#include <cstdint>

#include "tools/faults/fault.h"

namespace faults {

// What blocks are filled with, and what faults write: no zero, so that it is seen, and even, since
// the first byte of a canary of ours is odd: the same byte by chance would hide the fault.
inline constexpr unsigned char kContents = 0x5a;
inline constexpr unsigned char kDamage = 0x42;
// Damage for a byte of unknown value, such as the last one of a canary.
constexpr unsigned char Unlike(unsigned char byte) {
  return byte == kDamage ? kDamage ^ 0xff : kDamage;
}

// Hides from the compiler where `pointer` came from, so that it neither removes a pair of malloc
// and free nor reasons about what they return.
template <typename T>
T* Opaque(T* pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}
inline size_t Opaque(size_t size) {
  asm volatile("" : "+r"(size));
  return size;
}

// malloc(size), filled with kContents. Ends the run as inapplicable when there is no memory.
char* Allocate(size_t size);
void Free(void* block);
// Allocated and freed by the calling thread.
char* Freed(size_t size);
// Runs `body` in a thread that is gone afterwards.
void* InPassingThread(void* (*body)(void*), void* argument);

// One byte at a time, in the order of the addresses, or against it.
void StoreUp(char* from, size_t bytes);
void StoreDown(char* end, size_t bytes);
unsigned char Load(const char* from);
// True if all are zero.
bool ReadsZeros(const char* from, size_t bytes);

// Bytes in which reads and writes past a block of this run's faults end: memcpy's other side.
inline constexpr size_t kMostCopied = size_t{4} << 20;
// kMostCopied bytes of that value.
const char* Source(unsigned char filling = kDamage);

// Blocks of one size in ascending order.
class Row {
 public:
  static constexpr size_t kBlocks = 64;

  explicit Row(size_t size);
  char* operator[](size_t index) const { return blocks_[index]; }
  // The distance at which blocks of this size follow each other.
  size_t distance() const { return distance_; }
  bool Has(const char* block) const;
  // The first block that lies right behind another one; where none does, as with blocks that have a
  // mapping each, the second.
  size_t IndexWithLowerNeighbour() const;
  // Frees all but that one, from the lowest.
  void FreeAllBut(const char* kept) const;

 private:
  char* blocks_[kBlocks];
  size_t distance_ = SIZE_MAX;
};

// Allocates and frees blocks of this size until everything that waits in caches and quarantines has
// been issued again, more than once. True once `watched` is issued, which then is live.
bool Churn(size_t size, const char* watched = nullptr);

// Has the run's thread write out of a block of the row and free it, then frees the others and
// churns: so every check, however late, has its chance.
void WriteOutOf(Run& run, const Row& row, char* block, void (*write)(char* block, size_t size));

// Fills and frees, so that the memory that is issued next has held something.
void Groom(size_t size);

}  // namespace faults

#endif  // BARTIZAN_TOOLS_FAULTS_BLOCKS_H_
