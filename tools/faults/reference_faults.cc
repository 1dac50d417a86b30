// What the allocator keeps about freed blocks, read and damaged by one who can reach it: every word
// of writable memory that a free has changed, wherever it lies.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "stored references";

constexpr size_t kPage = 4096;

// --- The words that a free changes --------------------------------------------------------------

struct Change {
  uint32_t* place;
  uint32_t before;
  uint32_t after;
};

class Changes {
 public:
  void Add(const Change& change) {
    if (count_ < kMost) changes_[count_++] = change;
  }
  const Change* begin() const { return changes_; }
  const Change* end() const { return changes_ + count_; }
  size_t Count() const { return count_; }

 private:
  static constexpr size_t kMost = 256;
  Change changes_[kMost];
  size_t count_ = 0;
};

// A copy of all memory that can be written, but for the stack.
class Memory {
 public:
  Memory() {
    copy_ = Reserve(kMostBytes);
    page_ = Reserve(kPage);
    text_ = Reserve(kMostText);
  }

  void Copy() {
    ranges_ = 0;
    bytes_ = 0;
    // Not by a stream, which would allocate.
    const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) Inapplicable("/proc is not mounted");
    size_t length = 0;
    for (ssize_t got = 1; got > 0; length += static_cast<size_t>(got)) {
      got = read(maps, text_ + length, kMostText - 1 - length);
      if (got < 0) Inapplicable("/proc/self/maps cannot be read");
    }
    close(maps);
    text_[length] = '\0';
    for (const char* line = text_; *line != '\0'; line = strchr(line, '\n') + 1) AddRange(line);
    for (size_t i = 0; i < ranges_; ++i) {
      const Range& range = range_[i];
      for (size_t at = 0; at < range.bytes; at += kPage) {
        if (!Read(range.begin + at, range.copy + at)) memset(range.copy + at, 0, kPage);
      }
    }
  }

  Changes Compare() {
    Changes changes;
    for (size_t i = 0; i < ranges_; ++i) {
      const Range& range = range_[i];
      for (size_t at = 0; at < range.bytes; at += kPage) {
        if (!Read(range.begin + at, page_) || memcmp(page_, range.copy + at, kPage) == 0) continue;
        for (size_t in_page = 0; in_page < kPage; in_page += sizeof(uint32_t)) {
          Change change = {reinterpret_cast<uint32_t*>(range.begin + at + in_page), 0, 0};
          memcpy(&change.before, range.copy + at + in_page, sizeof change.before);
          memcpy(&change.after, page_ + in_page, sizeof change.after);
          if (change.before != change.after) changes.Add(change);
        }
      }
    }
    return changes;
  }

 private:
  struct Range {
    char* begin;
    size_t bytes;
    char* copy;
  };

  static constexpr size_t kMostRanges = 512;
  static constexpr size_t kMostBytes = size_t{256} << 20;
  static constexpr size_t kMostText = size_t{1} << 20;

  // A mapping of its own, so that it is no block.
  static char* Reserve(size_t bytes) {
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) Inapplicable("there is no memory");
    return static_cast<char*>(memory);
  }

  // By the system, which refuses where a guard lies in writable memory.
  static bool Read(char* from, char* to) {
    const iovec local = {to, kPage};
    const iovec remote = {from, kPage};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(kPage);
  }

  void AddRange(const char* line) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char rights[5] = "";
    if (sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3) return;
    if (strcmp(rights, "rw-p") != 0) return;
    // Of the thread that does all this.
    const auto stack = reinterpret_cast<uintptr_t>(&begin);
    if (stack >= begin && stack < end) return;
    if (ranges_ == kMostRanges || bytes_ + (end - begin) > kMostBytes) return;
    const size_t bytes = end - begin;
    range_[ranges_++] = {reinterpret_cast<char*>(begin), bytes, copy_ + bytes_};
    bytes_ += bytes;
  }

  char* copy_;
  char* page_;
  char* text_;
  Range range_[kMostRanges];
  size_t ranges_ = 0;
  size_t bytes_ = 0;
};

// What the next free changes.
Changes ChangesByFree(Memory& memory, char* block) {
  memory.Copy();
  Free(block);
  return memory.Compare();
}

// --- Reading ------------------------------------------------------------------------------------

// Freed in an order in which no counter goes; fewer than the caches of others hold.
constexpr size_t kOrder[] = {11, 5, 40, 17, 23, 8, 31, 2, 46, 14, 37, 20};
constexpr size_t kMostFrees = sizeof kOrder / sizeof *kOrder;
constexpr size_t kFrees = 6;

// Whether `changes` has the value.
bool Has(const Changes& changes, uint32_t value) {
  return std::any_of(changes.begin(), changes.end(),
                     [value](const Change& change) { return change.after == value; });
}

// Whether one stored word for each block differs from the first block's word as the addresses do,
// counted in units of so many bytes.
bool TellsPlaces(const Changes (&changes)[kFrees], const char* const (&blocks)[kFrees],
                 int64_t unit) {
  for (const char* block : blocks) {
    if ((block - blocks[0]) % unit != 0) return false;
  }
  return std::any_of(changes[0].begin(), changes[0].end(), [&](const Change& first) {
    for (size_t i = 1; i < kFrees; ++i) {
      const auto apart = static_cast<uint32_t>((blocks[i] - blocks[0]) / unit);
      if (!Has(changes[i], first.after + apart)) return false;
    }
    return true;
  });
}

void ReadReferences(Run& run) {
  static Memory memory;
  static Changes changes[kFrees];
  const char* blocks[kFrees];
  bool told = false;
  run.At(Moment::kAccess);
  run.Do([&] {
    Row row(run.size());
    for (size_t i = 0; i < kFrees; ++i) {
      blocks[i] = row[kOrder[i]];
      changes[i] = ChangesByFree(memory, row[kOrder[i]]);
    }
    told = TellsPlaces(changes, blocks, static_cast<int64_t>(row.distance()));
    for (int64_t unit = 1; unit <= int64_t{kPage}; unit *= 2) {
      told = told || TellsPlaces(changes, blocks, unit);
    }
  });
  if (told) Unnoticed("what is stored of freed blocks tells where they lie");
  Answered("nothing that is stored of freed blocks tells where they lie");
}

// --- Damaging -----------------------------------------------------------------------------------

constexpr size_t kDamaged = 4;
// A free that changed more did other work besides, which is not damaged: all pairs of words are
// tried. On a busy machine several do, because time has passed: then others are freed.
constexpr size_t kFewWords = 32;
constexpr int kHarmed = 7;
constexpr unsigned kChildSeconds = 20;

// Ends the child if a block is not what was written to it: it was issued twice, or lies in another.
void RequireAll(char byte, const char* block, size_t size) {
  if (block[0] != byte || memcmp(block, block + 1, size - 1) != 0) _exit(kHarmed);
}

// In a child: uses the heap until all that waited has been issued again, and looks at every byte.
[[noreturn]] void UseHeap(size_t size, const Row& row) {
  constexpr int kRounds = 16;
  constexpr size_t kBlocks = 256;
  static char* blocks[kBlocks];
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < kBlocks; ++i) {
      blocks[i] = Opaque(static_cast<char*>(malloc(Opaque(size))));
      if (blocks[i] == nullptr) _exit(0);
      memset(blocks[i], static_cast<int>(i & 0x7f), size);
    }
    for (size_t i = 0; i < kBlocks; ++i) RequireAll(static_cast<char>(i & 0x7f), blocks[i], size);
    for (size_t i = 0; i < Row::kBlocks; ++i) {
      const bool may_be_freed = std::find(kOrder, kOrder + kMostFrees, i) != kOrder + kMostFrees;
      if (!may_be_freed) RequireAll(kContents, row[i], size);
    }
    for (char* block : blocks) Free(block);
  }
  _exit(0);
}

// Blocks themselves, with what lies between them, are other faults' business.
bool IsAmongBlocks(const Change& change, const Row& row) {
  const auto* const place = reinterpret_cast<const char*>(change.place);
  return place >= row[0] - row.distance() && place < row[Row::kBlocks - 1] + 2 * row.distance();
}

// What became of the processes that used a damaged heap.
class Tally {
 public:
  // Damages the word in a child, which then uses the heap.
  void Try(const Change& change, uint32_t value, size_t size, const Row& row) {
    if (harmed_ || IsAmongBlocks(change, row)) return;
    const pid_t child = fork();
    if (child < 0) Inapplicable("the system refuses a process");
    if (child == 0) {
      alarm(kChildSeconds);
      // Reports are what is hoped for, and there may be hundreds.
      dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
      *static_cast<volatile uint32_t*>(change.place) = value;
      UseHeap(size, row);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) Inapplicable("the system lost a process");
    const bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    if (WIFSIGNALED(status) && !hung) {
      stopped_ = true;
    } else if (hung || WEXITSTATUS(status) != 0) {
      harmed_ = true;
    }
  }

  [[noreturn]] void End() const {
    if (harmed_) Unnoticed("a damaged word led to a block inside of another one, or to no end");
    if (!stopped_) Inapplicable("nothing that a free changes outside of blocks has consequences");
    Answered("every damaged word stopped the process or did no harm");
  }

 private:
  bool stopped_ = false;
  bool harmed_ = false;
};

// Frees some of the row's blocks after much use, and has kDamageWords try what that changed.
template <void (*kDamageWords)(Tally& tally, const Changes* changes, size_t size, const Row& row)>
void DamageReferences(Run& run) {
  static Memory memory;
  static Changes changes[kDamaged];
  static Tally tally;
  run.At(Moment::kReuse);
  run.Do([&] {
    Row row(run.size());
    Churn(run.size());
    size_t found = 0;
    for (size_t i = 0; i < kMostFrees && found < kDamaged; ++i) {
      changes[found] = ChangesByFree(memory, row[kOrder[i]]);
      if (changes[found].Count() <= kFewWords) ++found;
    }
    if (found < kDamaged) Inapplicable("frees change too many words");
    kDamageWords(tally, changes, run.size(), row);
  });
  tally.End();
}

void FlipBits(Tally& tally, const Changes* changes, size_t size, const Row& row) {
  for (const Change& change : changes[kDamaged - 1]) {
    for (int bit = 0; bit < 32; ++bit) {
      tally.Try(change, change.after ^ (uint32_t{1} << bit), size, row);
    }
  }
}

// What has been there before may be believed once more.
void Replay(Tally& tally, const Changes* changes, size_t size, const Row& row) {
  for (const Change& change : changes[kDamaged - 1]) {
    tally.Try(change, change.before, size, row);
  }
}

// What is believed at one place may be believed at another one.
void CopyOver(Tally& tally, const Changes* changes, size_t size, const Row& row) {
  for (size_t from = 0; from < kDamaged; ++from) {
    for (size_t to = 0; to < kDamaged; ++to) {
      for (const Change& source : changes[from]) {
        for (const Change& target : changes[to]) {
          if (source.place != target.place && !IsAmongBlocks(source, row)) {
            tally.Try(target, source.after, size, row);
          }
        }
      }
    }
  }
}

constexpr Fault kFaults[] = {
    {"reference_read", kGroup, "freelist_encryption",
     "frees blocks, then reads all words that the frees have changed", ReadReferences, 100, 100},
    {"reference_bit_flipped", kGroup, "always",
     "frees blocks, then flips each bit of the words that a free has changed, one in each process",
     DamageReferences<FlipBits>, 100, 100},
    {"reference_replayed", kGroup, "always",
     "frees blocks, then writes back what one of the words was before, one in each process",
     DamageReferences<Replay>, 100, 100},
    {"reference_copied", kGroup, "always",
     "frees blocks, then copies one of the words over another one, one in each process",
     DamageReferences<CopyOver>, 100, 100},
};

}  // namespace

const FaultList kReferenceFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
