#include "hardening/bounded_libc.h"

#include "src/base/text.h"
#include "src/base/violation.h"

namespace bartizan {
namespace {

using Detail = Text<160>;

// What is wrong, after "memcpy would write 9 bytes".
void DescribePlace(const LibraryCall& call, Detail& detail) {
  const MemoryView& memory = call.memory;
  if (memory.kind == MemoryKind::kFree) {
    detail << " in a freed block";
  } else if (memory.kind != MemoryKind::kLive) {
    detail << " where no block is";
  } else if (call.begin < memory.begin) {
    detail << " from before the block's beginning";
  } else {
    const size_t offset = call.begin - memory.begin;
    const size_t left = offset < memory.requested ? memory.requested - offset : 0;
    detail << " where the block has " << uint64_t{left} << " left";
  }
}

}  // namespace

void BoundedLibc::Report(const LibraryCall& call) {
  Detail detail;
  detail << call.function << " would " << (call.writes ? "write " : "read ") << uint64_t{call.bytes}
         << " bytes";
  DescribePlace(call, detail);
  const bool freed = call.memory.kind == MemoryKind::kFree;
  ReportViolation({
      .what = freed ? "use after free in library call" : "out-of-bounds library call",
      .detail = detail.view(),
      .address = call.begin,
      .slot_bytes = call.memory.slot_bytes != 0 ? call.memory.slot_bytes : Violation::kUnknown,
      .requested =
          call.memory.kind == MemoryKind::kLive ? call.memory.requested : Violation::kUnknown,
      .advice = freed ? "look for pointers kept after free"
                      : "compare the length that was passed with the size of the block",
      .layer = "bounded_libc",
      .access = call.writes ? AccessKind::kWrite : AccessKind::kRead,
      .access_bytes = call.bytes,
  });
}

}  // namespace bartizan
