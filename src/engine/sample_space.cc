#include "src/engine/sample_space.h"

#include <algorithm>

#include "src/platform/memory.h"
#include "src/platform/readable_memory.h"

namespace bartizan {

using platform::AddressRange;
using platform::Claim;

// Each twice the one before, up to this.
constexpr size_t kMostPiece = 16 * kMiB;

void SampleSpace::Start() {
  if (platform::CountsMappings()) grows_.store(false, std::memory_order_relaxed);
}

AddressRange SampleSpace::MapPiece() {
  if (!grows()) return {};
  const AddressRange piece = ClaimPiece();
  if (piece.begin == piece.end) {
    grows_.store(false, std::memory_order_relaxed);
    return piece;
  }
  if (begin_.load(std::memory_order_relaxed) == 0) {
    begin_.store(piece.begin, std::memory_order_relaxed);
  }
  bytes_.store(piece.end - begin_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  piece_ = std::min(2 * piece_, kMostPiece);
  return piece;
}

AddressRange SampleSpace::ClaimPiece() {
  Claim claim = Claim::kOccupied;
  while (claim == Claim::kOccupied && limit_ - next_ >= piece_) {
    const AddressRange piece = {next_, next_ + piece_};
    claim = platform::ClaimAt(piece.begin, piece_, platform::Access::kReadWrite);
    next_ = piece.end;
    if (claim != Claim::kDone) continue;
    // Emulators are said to accept advice that they do not know.
    if (platform::InstallGuard(piece.begin, piece_) && !platform::IsReadable(piece.begin)) {
      return piece;
    }
    platform::Release(piece.begin, piece_);
  }
  return {};
}

}  // namespace bartizan
