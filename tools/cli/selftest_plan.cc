#include "tools/cli/selftest_plan.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bartizan::cli {
namespace {

constexpr PlannedFault Reported(absl::string_view fault, size_t size, absl::string_view report) {
  return {fault, size, false, Ending::kReported, report};
}
constexpr PlannedFault Guarded(absl::string_view fault, size_t size) {
  return {fault, size, false, Ending::kGuarded, ""};
}
constexpr PlannedFault Harmless(absl::string_view fault, size_t size) {
  return {fault, size, false, Ending::kHarmless, ""};
}
constexpr PlannedFault InSecondThread(PlannedFault fault) {
  fault.second_thread = true;
  return fault;
}

constexpr absl::string_view kDoubleFree = "double free";
constexpr absl::string_view kInvalidFree = "invalid free";

constexpr PlannedFault kAlways[] = {
    // First: where this does not pass, nothing else says anything.
    Harmless("valid_frees", 100),
    Reported("double_free_immediate", 8, kDoubleFree),
    Reported("double_free_immediate", 4096, kDoubleFree),
    Reported("double_free_immediate", 262144, kDoubleFree),
    InSecondThread(Reported("double_free_immediate", 100, kDoubleFree)),
    Reported("double_free_delayed", 100, kDoubleFree),
    Reported("double_free_overwritten", 100, kDoubleFree),
    Reported("double_free_after_reuse", 100, kDoubleFree),
    Reported("double_free_by_other", 100, kDoubleFree),
    Reported("double_free_racing", 100, "double free|corrupt free list"),
    Reported("sized_delete_freed", 100, kDoubleFree),
    Reported("free_stack", 100, kInvalidFree),
    Reported("free_global", 100, kInvalidFree),
    Reported("free_unaligned", 100, kInvalidFree),
    Reported("free_interior_8", 100, kInvalidFree),
    Reported("free_middle", 262144, kInvalidFree),
    Reported("free_foreign_mapping", 100, kInvalidFree),
    Reported("free_wild", 100, kInvalidFree),
    Reported("free_never_issued_far", 1000, "invalid free|double free"),
    Reported("realloc_freed_same_size", 100, "use after free in realloc"),
    Reported("realloc_interior", 4096, "invalid realloc"),
    Reported("usable_size_freed", 100, "use after free in malloc_usable_size"),
    Harmless("reference_bit_flipped", 100),
    Harmless("reference_replayed", 100),
    Harmless("reference_copied", 100),
    Guarded("execute_heap", 1000),
    Guarded("zero_size_write", 8),
    Harmless("request_minus_1", 8),
    Harmless("request_calloc_overflow", 8),
};

constexpr PlannedFault kGuardPages[] = {
    Guarded("overflow_1m_store", 100),    Guarded("overflow_1m_store", 20000),
    Guarded("overflow_1_store", 262144),  Guarded("overread_1m", 1000),
    Guarded("underflow_1_store", 262144),
};

// That a damaged reference is not believed is always so.
constexpr PlannedFault kFreelistEncryption[] = {
    Harmless("reference_read", 100),
    InSecondThread(Harmless("reference_read", 100)),
};

constexpr PlannedFault kRandomSlots[] = {
    Harmless("guess_neighbour", 24),
    Harmless("guess_neighbour", 1000),
};

constexpr PlannedFault kQuarantine[] = {
    Harmless("reuse_tight", 24),        Harmless("reuse_tight", 20000),
    Harmless("reuse_batch", 1000),      InSecondThread(Harmless("reuse_tight", 100)),
    Guarded("read_after_free", 262144),
};

constexpr PlannedFault kZeroOnFree[] = {
    Harmless("read_after_free", 24),
    Harmless("read_after_free", 20000),
    InSecondThread(Harmless("read_after_free", 1000)),
    Harmless("uninitialised_malloc", 100),
    Harmless("uninitialised_new", 4096),
    Harmless("uninitialised_realloc", 1000),
    Harmless("leak_through_new_block", 100),
};

constexpr absl::string_view kWriteAfterFree = "write after free";
constexpr PlannedFault kReuseCheck[] = {
    Reported("write_after_free_first_byte", 8, kWriteAfterFree),
    Reported("write_after_free_first_byte", 4096, kWriteAfterFree),
    Reported("write_after_free_one_bit", 100, kWriteAfterFree),
    Reported("write_after_free_last_byte", 1000, kWriteAfterFree),
    Reported("write_after_free_all", 20000, kWriteAfterFree),
    InSecondThread(Reported("write_after_free_middle", 100, kWriteAfterFree)),
};

constexpr absl::string_view kHeapOverflow = "heap overflow";
constexpr PlannedFault kCanaries[] = {
    Reported("overflow_1_store", 8, kHeapOverflow),
    Reported("overflow_1_store", 100, kHeapOverflow),
    Reported("overflow_1_store", 4096, kHeapOverflow),
    Reported("overflow_8_store", 1000, kHeapOverflow),
    Reported("overflow_32_store", 20000, kHeapOverflow),
    Reported("overflow_final_zero", 24, kHeapOverflow),
    InSecondThread(Reported("overflow_1_store", 100, kHeapOverflow)),
};

constexpr PlannedFault kNeighbourCheck[] = {
    Reported("underflow_1_store", 1000, "heap underflow"),
    Reported("underflow_8_store", 20000, "heap underflow"),
    InSecondThread(Reported("underflow_1_store", 4096, "heap underflow")),
};

constexpr absl::string_view kOriginMismatch = "origin mismatch";
constexpr PlannedFault kOriginCheck[] = {
    Reported("new_free", 24, kOriginMismatch),
    Reported("malloc_delete", 1000, kOriginMismatch),
    Reported("new_array_delete", 100, kOriginMismatch),
    Reported("new_delete_array", 262144, kOriginMismatch),
};

constexpr absl::string_view kSizeMismatch = "size mismatch";
constexpr PlannedFault kSizeCheck[] = {
    Reported("sized_delete_one_less", 24, kSizeMismatch),
    Reported("sized_delete_threefold", 100, kSizeMismatch),
    Reported("sized_delete_array_one_less", 1000, kSizeMismatch),
    Reported("free_sized_one_less", 4096, kSizeMismatch),
    Reported("sized_delete_one_more", 262144, kSizeMismatch),
};

constexpr absl::string_view kLibraryCall = "out-of-bounds library call";
constexpr PlannedFault kBoundedLibc[] = {
    Reported("overflow_1_memcpy", 8, kLibraryCall),
    Reported("overflow_1_memcpy", 100, kLibraryCall),
    Reported("overflow_8_memcpy", 4096, kLibraryCall),
    Reported("overflow_1_memcpy", 262144, kLibraryCall),
    InSecondThread(Reported("overflow_32_memcpy", 1000, kLibraryCall)),
};

constexpr PlannedFault kSampling[] = {
    Guarded("overflow_1_store", 64),
    Guarded("overflow_1_store", 20000),
    Guarded("read_after_free", 24),
    Guarded("read_after_free", 20000),
    InSecondThread(Guarded("read_after_free", 1000)),
};

constexpr LayerPlan kAlwaysOn = {"always on", kAlways, ""};

const LayerPlan kPlans[] = {
    {"guard_pages", kGuardPages, ""},   {"freelist_encryption", kFreelistEncryption, ""},
    {"random_slots", kRandomSlots, ""}, {"quarantine", kQuarantine, ""},
    {"zero_on_free", kZeroOnFree, ""},  {"reuse_check", kReuseCheck, ""},
    {"canaries", kCanaries, ""},        {"neighbour_check", kNeighbourCheck, ""},
    {"origin_check", kOriginCheck, ""}, {"size_check", kSizeCheck, ""},
    {"bounded_libc", kBoundedLibc, ""}, {"sampling", kSampling, "", "sampling=1:sample_side=right"},
};

}  // namespace

std::vector<std::string> PlannedFault::Arguments() const {
  std::vector<std::string> arguments = {std::string(fault), absl::StrCat(size)};
  if (second_thread) arguments.emplace_back("thread");
  return arguments;
}

bool PlannedFault::IsKeptBy(const FaultRun& run) const {
  if (run.ending != ending) return false;
  if (ending != Ending::kReported) return true;
  for (absl::string_view beginning : absl::StrSplit(report, '|')) {
    if (absl::StartsWith(run.message, absl::StrCat(beginning, ": "))) return true;
  }
  return false;
}

const LayerPlan& AlwaysOnPlan() { return kAlwaysOn; }

LayerPlan PlanFor(absl::string_view layer) {
  for (const LayerPlan& plan : kPlans) {
    if (plan.layer == layer) return plan;
  }
  return {layer, {}, "this command knows no fault for it"};
}

}  // namespace bartizan::cli
