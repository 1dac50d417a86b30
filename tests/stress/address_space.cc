// Untouched large blocks of 1 MiB to 1 TiB live at once, 13 TiB in all and then 64 TiB, freed in
// random order and allocated again, with small mappings of the program's own placed between them as
// soon as they come. No block overlaps another one; ENOMEM is allowed only above the stated total.
//
// `address_space [--first=BYTES] [--second=BYTES] [--largest=BYTES] [--rounds=N]`. Only the first
// and the last bytes of each block are touched.
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include <map>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/heap.h"
#include "tests/support/process_memory.h"
#include "tests/support/progress.h"
#include "tests/support/random.h"

namespace {

constexpr size_t kSmallest = 1 << 20;
constexpr double kTebibyte = 1099511627776.0;

// Pages of the program in places that the allocator would like to have.
class Hostile {
 public:
  // Near the block: in the gaps before and after it, if they are free.
  void PlaceNear(uintptr_t block, size_t size, test::Random& random) {
    uintptr_t begin = block / page_ * page_;
    uintptr_t end = (block + size + page_ - 1) / page_ * page_;
    Place(end + page_ * random.Below(64));
    Place(begin - page_ * random.Between(1, 64));
    Place(end + page_ * random.Below(1 << 20));
  }

  void Check() const {
    for (uintptr_t at : places_) {
      EXPECT(*reinterpret_cast<uintptr_t*>(at) == at, "the program's page at %p was overwritten",
             reinterpret_cast<void*>(at));
    }
  }

  void RemoveAll() {
    Check();
    for (uintptr_t at : places_) munmap(reinterpret_cast<void*>(at), page_);
    places_.clear();
  }

  size_t Count() const { return places_.size(); }

 private:
  static constexpr size_t kMost = 3000;

  void Place(uintptr_t at) {
    if (places_.size() >= kMost) return;
    void* wanted = reinterpret_cast<void*>(at);
    void* page = mmap(wanted, page_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page == MAP_FAILED) return;
    if (page != wanted) {
      munmap(page, page_);
      return;
    }
    *static_cast<uintptr_t*>(page) = at;
    places_.push_back(at);
  }

  size_t page_ = test::PageSize();
  std::vector<uintptr_t> places_;
};

class Blocks {
 public:
  explicit Blocks(uint64_t seed) : random_(seed) {}

  uint64_t Bytes() const { return bytes_; }
  size_t Count() const { return sizes_.size(); }
  test::Random& Generator() { return random_; }

  // False, with ENOMEM, when malloc gives no block of this size.
  bool Add(size_t size, Hostile& hostile) {
    errno = 0;
    char* block = static_cast<char*>(test::Malloc(size));
    if (block == nullptr) {
      EXPECT(errno == ENOMEM, "malloc failed with errno %d", errno);
      return false;
    }
    uintptr_t begin = reinterpret_cast<uintptr_t>(block);
    auto [place, added] = sizes_.emplace(begin, size);
    EXPECT(added, "%p was given twice", static_cast<void*>(block));
    auto after = std::next(place);
    EXPECT(after == sizes_.end() || begin + size <= after->first, "%p overlaps the block above",
           static_cast<void*>(block));
    EXPECT(place == sizes_.begin() || std::prev(place)->first + std::prev(place)->second <= begin,
           "%p overlaps the block below", static_cast<void*>(block));
    Mark(begin, size);
    bytes_ += size;
    if (random_.OneIn(2)) hostile.PlaceNear(begin, size, random_);
    return true;
  }

  // Until `total` bytes are live.
  void FillTo(uint64_t total, size_t largest, Hostile& hostile) {
    while (bytes_ < total) {
      uint64_t left = total - bytes_;
      size_t most = left < largest ? (left < kSmallest ? kSmallest : left) : largest;
      size_t size = random_.Logarithmic(kSmallest, most) - random_.Below(5000);
      EXPECT(Add(size, hostile), "malloc(%zu) failed at %.2f TiB of %.2f TiB in %zu blocks", size,
             static_cast<double>(bytes_) / kTebibyte, static_cast<double>(total) / kTebibyte,
             sizes_.size());
    }
  }

  // `parts` of 4 of the blocks, in random order.
  void Release(size_t parts) {
    std::vector<uintptr_t> order;
    for (const auto& [begin, size] : sizes_) order.push_back(begin);
    test::Shuffle(order.data(), order.size(), random_);
    order.resize(order.size() * parts / 4);
    for (uintptr_t begin : order) {
      auto place = sizes_.find(begin);
      CheckMark(begin, place->second);
      test::Free(reinterpret_cast<void*>(begin));
      bytes_ -= place->second;
      sizes_.erase(place);
    }
  }

  void Check() const {
    for (const auto& [begin, size] : sizes_) CheckMark(begin, size);
  }

 private:
  static uint64_t* FirstWord(uintptr_t begin) { return reinterpret_cast<uint64_t*>(begin); }
  static uint64_t* LastWord(uintptr_t begin, size_t size) {
    return reinterpret_cast<uint64_t*>((begin + size) / 8 * 8 - 8);
  }
  static void Mark(uintptr_t begin, size_t size) {
    *FirstWord(begin) = begin ^ size;
    *LastWord(begin, size) = ~(begin ^ size);
  }
  static void CheckMark(uintptr_t begin, size_t size) {
    EXPECT(*FirstWord(begin) == (begin ^ size) && *LastWord(begin, size) == ~(begin ^ size),
           "block %p of %zu bytes was overwritten", reinterpret_cast<void*>(begin), size);
  }

  test::Random random_;
  std::map<uintptr_t, size_t> sizes_;
  uint64_t bytes_ = 0;
};

void RunTotal(uint64_t total, size_t largest, uint64_t rounds, uint64_t seed) {
  Blocks blocks(seed);
  Hostile hostile;
  test::Progress progress("address space", rounds);
  blocks.FillTo(total, largest, hostile);
  size_t count = blocks.Count();
  for (uint64_t round = 0; round < rounds; ++round) {
    blocks.Release(blocks.Generator().Between(1, 4));
    hostile.Check();
    blocks.FillTo(total, largest, hostile);
    blocks.Check();
    progress.At(round);
  }
  // Beyond the total it may refuse, and must go on.
  for (int refused = 0; refused < 10 && blocks.Bytes() < 2 * total;) {
    if (!blocks.Add(largest, hostile)) ++refused;
  }
  blocks.Check();
  test::Say("%.2f TiB in %zu blocks, then up to %.2f TiB; %zu pages in the way; resident %.0f MiB",
            static_cast<double>(total) / kTebibyte, count,
            static_cast<double>(blocks.Bytes()) / kTebibyte, hostile.Count(),
            test::Mebibytes(test::ResidentBytes()));
  blocks.Release(4);
  hostile.RemoveAll();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  test::Random random(arguments.Seed());
  uint64_t first = arguments.Number("first", uint64_t{13} << 40);
  uint64_t second = arguments.Number("second", uint64_t{64} << 40);
  size_t largest = arguments.Number("largest", size_t{1} << 40);
  uint64_t rounds = arguments.Amount("rounds", 3, 20);
  arguments.RejectUnknown();
  RunTotal(first, largest, rounds, random.Next());
  RunTotal(second, largest, rounds, random.Next());
  return 0;
}
