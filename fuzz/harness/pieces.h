// What cases map for slabs and tables lies at the same places in most of them. It stays mapped from
// one case to the next, inaccessible and empty until a case maps the very same range again.
#ifndef BARTIZAN_FUZZ_HARNESS_PIECES_H_
#define BARTIZAN_FUZZ_HARNESS_PIECES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/harness/ranges.h"

namespace fuzz {

class Pieces {
 public:
  // The engine is about to map the range: whether it is there, as if it had just been mapped.
  // Otherwise nothing of these is in the way any more.
  bool Take(Range range);
  // The engine has mapped it.
  void Add(Range range) { all_.push_back({range, true, true, 0}); }
  // What was done there cannot be undone by putting back contents.
  void Break(Range range);
  // At the end of a case: as far as there are guards, they go.
  void RemoveGuards(const Ranges& guards);
  // After that, with their contents being zeros again; what is broken is the caller's to unmap.
  void PutAway();

  // Whether it is inside of one that the case has, and not broken.
  bool Hold(Range range) const;
  template <class Function>
  void ForEach(Function function) const {
    for (const Piece& piece : all_) {
      if (piece.in_use && piece.whole) function(piece.range);
    }
  }

 private:
  // So many cases in a row without it, and it is given back.
  static constexpr unsigned kMostUnused = 64;
  struct Piece {
    Range range;
    bool in_use;  // by the case
    bool whole;
    unsigned unused;
  };
  void Forget(size_t index);

  std::vector<Piece> all_;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_PIECES_H_
