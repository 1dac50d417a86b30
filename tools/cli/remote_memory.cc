#include "tools/cli/remote_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bartizan::cli {

RemoteMemory::RemoteMemory(pid_t process, uint64_t budget) : process_(process), budget_(budget) {}

MemoryReader RemoteMemory::reader() {
  return {[](void* self, uintptr_t from, void* to, size_t bytes) {
            return static_cast<RemoteMemory*>(self)->Read(from, to, bytes);
          },
          this};
}

bool RemoteMemory::Read(uint64_t address, void* to, size_t bytes) {
  if (address == 0 || address + bytes < address) return false;
  const uint64_t begin = address / kPieceBytes * kPieceBytes;
  if (address + bytes > begin + kPieceBytes) return ReadDirectly(address, to, bytes);
  const Piece* const piece = Find(begin);
  const size_t offset = address - begin;
  if (piece == nullptr || offset + bytes > piece->bytes) return ReadDirectly(address, to, bytes);
  std::memcpy(to, piece->contents.data() + offset, bytes);
  return true;
}

// nullptr: nothing of it can be read, not even its beginning.
const RemoteMemory::Piece* RemoteMemory::Find(uint64_t address) {
  Piece* oldest = &pieces_[0];
  for (Piece& piece : pieces_) {
    if (piece.address == address) {
      piece.used = ++uses_;
      return &piece;
    }
    if (piece.used < oldest->used) oldest = &piece;
  }
  oldest->contents.resize(kPieceBytes);
  const iovec local = {oldest->contents.data(), kPieceBytes};
  const iovec remote = {reinterpret_cast<void*>(address), kPieceBytes};
  const ssize_t got = budget_ == 0 ? -1 : process_vm_readv(process_, &local, 1, &remote, 1, 0);
  if (got < 0 && budget_ != 0) ended_ |= errno == ESRCH;
  if (got <= 0) {
    oldest->address = 1;
    oldest->used = 0;
    return nullptr;
  }
  budget_ -= std::min<uint64_t>(budget_, static_cast<uint64_t>(got));
  oldest->address = address;
  oldest->bytes = static_cast<size_t>(got);
  oldest->used = ++uses_;
  return oldest;
}

bool RemoteMemory::ReadDirectly(uint64_t address, void* to, size_t bytes) {
  if (budget_ == 0) return false;
  const iovec local = {to, bytes};
  const iovec remote = {reinterpret_cast<void*>(address), bytes};
  const ssize_t got = process_vm_readv(process_, &local, 1, &remote, 1, 0);
  if (got < 0) ended_ |= errno == ESRCH;
  budget_ -= std::min<uint64_t>(budget_, bytes);
  return got >= 0 && static_cast<size_t>(got) == bytes;
}

}  // namespace bartizan::cli
