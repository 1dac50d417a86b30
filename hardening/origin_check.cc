#include "hardening/origin_check.h"

#include <atomic>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "src/base/violation.h"
#include "src/platform/image.h"

namespace bartizan {
namespace {

std::string_view Detail(Family came_from) {
  switch (came_from) {
    case Family::kNew:
      return "the block was made by operator new and must be freed by operator delete";
    case Family::kNewArray:
      return "the block was made by operator new[] and must be freed by operator delete[]";
    default:
      return "the block was made by malloc or its like and must be freed by free";
  }
}

// Their operator new is not used where ours is.
bool IsCxxLibrary(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const std::string_view library : {"libstdc++.so", "libc++.so", "libc++abi.so"}) {
    if (name.starts_with(library)) return true;
  }
  return false;
}

// A library that brings the C++ library along may call its own functions, and others ours: what is
// new here is malloc there.
bool NewIsDefinedElsewhere() {
  static constinit std::atomic<bool> known{false};
  static constinit std::atomic<uint32_t> asked{0};
  if (known.load(std::memory_order_relaxed)) return true;
  // Each look is thousands of system calls; where on_error=continue lets mistakes pass, they may be
  // frequent.
  constexpr uint32_t kLooks = 16;
  const uint32_t times = asked.fetch_add(1, std::memory_order_relaxed);
  if (times >= kLooks && !std::has_single_bit(times)) return false;
  platform::LoadedImages images;
  platform::LoadedImages::Loaded loaded;
  while (images.Next(&loaded)) {
    if (loaded.ours || IsCxxLibrary(loaded.path)) continue;
    if (platform::ExportedAddress(loaded.image, "_Znwm") == 0) continue;
    known.store(true, std::memory_order_relaxed);
    return true;
  }
  return false;
}

}  // namespace

void OriginCheck::Judge(const std::byte* slot, size_t requested, Family came_from,
                        Family freed_by) {
  const bool with_malloc =
      FreedWith(came_from) == Family::kMalloc || FreedWith(freed_by) == Family::kMalloc;
  if (with_malloc && NewIsDefinedElsewhere()) return;
  ReportMistake({
      .what = "origin mismatch",
      .detail = Detail(FreedWith(came_from)),
      .address = reinterpret_cast<uintptr_t>(slot),
      .requested = requested,
      .advice = "free the block with the counterpart of the function that made it",
      .layer = "origin_check",
  });
}

}  // namespace bartizan
