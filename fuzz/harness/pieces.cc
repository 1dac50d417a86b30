#include "fuzz/harness/pieces.h"

#include <sys/mman.h>

#include <algorithm>

namespace fuzz {
namespace {

constexpr int kMadvGuardRemove = 103;

bool SetProtection(Range range, int protection) {
  return mprotect(reinterpret_cast<void*>(range.begin), range.bytes(), protection) == 0;
}

void Unmap(Range range) { munmap(reinterpret_cast<void*>(range.begin), range.bytes()); }

}  // namespace

void Pieces::Forget(size_t index) {
  all_[index] = all_.back();
  all_.pop_back();
}

bool Pieces::Take(Range range) {
  bool taken = false;
  for (size_t i = 0; i < all_.size();) {
    Piece& piece = all_[i];
    if (piece.in_use || !piece.range.Touches(range.begin, range.end)) {
      ++i;
      continue;
    }
    const bool same = piece.range.begin == range.begin && piece.range.end == range.end;
    if (same && SetProtection(range, PROT_READ | PROT_WRITE)) {
      piece = {range, true, true, 0};
      taken = true;
      ++i;
      continue;
    }
    Unmap(piece.range);
    Forget(i);
  }
  return taken;
}

void Pieces::Break(Range range) {
  for (Piece& piece : all_) {
    if (piece.in_use && piece.range.Touches(range.begin, range.end)) piece.whole = false;
  }
}

void Pieces::RemoveGuards(const Ranges& guards) {
  for (Piece& piece : all_) {
    if (!piece.in_use) continue;
    guards.ForEachIn(piece.range.begin, piece.range.end, [&piece](Range guard) {
      void* const begin = reinterpret_cast<void*>(guard.begin);
      if (madvise(begin, guard.bytes(), kMadvGuardRemove) != 0) piece.whole = false;
    });
  }
}

void Pieces::PutAway() {
  for (size_t i = 0; i < all_.size();) {
    Piece& piece = all_[i];
    const bool stays = piece.in_use ? piece.whole && SetProtection(piece.range, PROT_NONE)
                                    : ++piece.unused < kMostUnused;
    const bool broken = piece.in_use && !piece.whole;
    piece.in_use = false;
    if (stays) {
      ++i;
      continue;
    }
    if (!broken) Unmap(piece.range);
    Forget(i);
  }
}

bool Pieces::Hold(Range range) const {
  return std::any_of(all_.begin(), all_.end(), [range](const Piece& piece) {
    return piece.in_use && piece.whole && piece.range.Holds(range.begin, range.end);
  });
}

}  // namespace fuzz
