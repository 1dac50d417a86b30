// Memory of another process, copied in pieces that are kept for a while: for a walk that reads many
// small records. The other process may hold anything, change, or end meanwhile.
#ifndef BARTIZAN_TOOLS_CLI_REMOTE_MEMORY_H_
#define BARTIZAN_TOOLS_CLI_REMOTE_MEMORY_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/engine/statistics.h"

namespace bartizan::cli {

class RemoteMemory {
 public:
  // No more than `budget` bytes are copied, however long a walk the process leads on.
  explicit RemoteMemory(pid_t process, uint64_t budget = kBudget);

  bool Read(uint64_t address, void* to, size_t bytes);
  MemoryReader reader();

  bool process_ended() const { return ended_; }
  bool budget_spent() const { return budget_ == 0; }

 private:
  // A heap of 200 GiB of the smallest blocks has tables of a tenth of it.
  static constexpr uint64_t kBudget = uint64_t{24} << 30;
  static constexpr size_t kPieceBytes = 16 << 10;
  static constexpr size_t kPieces = 8;

  struct Piece {
    uint64_t address = 1;  // no piece begins there
    size_t bytes = 0;
    uint64_t used = 0;
    std::vector<unsigned char> contents;
  };
  const Piece* Find(uint64_t address);
  bool ReadDirectly(uint64_t address, void* to, size_t bytes);

  const pid_t process_;
  uint64_t budget_;
  uint64_t uses_ = 0;
  bool ended_ = false;
  Piece pieces_[kPieces];
};

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_REMOTE_MEMORY_H_
