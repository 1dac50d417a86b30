#include "src/platform/table_reader.h"

#include "src/platform/memory.h"

#if defined(__x86_64__)

#include <libunwind.h>
#include <link.h>

#include <cstring>

// What the unwinder asks instead of the C library (tools/bazel/unwind_quiet.c).
extern "C" {
using ModuleFunction = int(dl_phdr_info* info, size_t bytes, void* context);
int bartizan_unwind_dl_iterate_phdr(ModuleFunction* function, void* context);
[[noreturn]] void bartizan_unwind_abort();
}

namespace bartizan::platform {
namespace {

// The invented memory. sp and fp lie far from each other and from both ends, so that frames of any
// credible size stay within it; only what may be looked at has contents, and becomes resident.
//
//   sp_ ... what lies behind sp, and before: pointers, each to a place of its own among `targets`
//   fp_ ... the same for fp
//   end_ .. where the frame ends in the second step: marks, each telling its own address
//   targets, marks all: where a pointer leads, if the tables have it followed
constexpr size_t kSpan = size_t{64} << 20;
constexpr size_t kSpAt = size_t{1} << 20;
constexpr size_t kFpAt = size_t{34} << 20;
constexpr size_t kEndAt = size_t{30} << 20;
constexpr size_t kTargetsAt = size_t{60} << 20;
constexpr size_t kWindowBefore = 256;
constexpr size_t kWindowBehind = 1024;
constexpr size_t kWindowWords = (kWindowBefore + kWindowBehind) / sizeof(uintptr_t);
// So far apart that what is stored around one is not taken for another's.
constexpr size_t kTargetBytes = 512;
static_assert(kTargetsAt + (2 * kWindowWords + 1) * kTargetBytes <= kSpan);
static_assert(kSpAt + kMostFrameBytes < kEndAt && kFpAt + kMostFrameBytes < kTargetsAt);

constexpr uintptr_t kMark = uintptr_t{3} << 61;  // no address has these bits
constexpr uintptr_t kNoRegister = 0;
// Where the unwinder's context has the pc: behind the sixteen registers.
constexpr size_t kContextPc = 16;

struct Registers {
  uintptr_t pc;
  uintptr_t sp;
  uintptr_t fp;
};

struct Stepped {
  bool found = false;  // the tables know the place
  Registers caller = {};
};

constinit uintptr_t g_memory = 0;
constinit const CodeImage* g_image = nullptr;
constinit void* g_escape[5] = {};

void StoreMarks(uintptr_t begin, uintptr_t end) {
  for (uintptr_t at = begin; at < end; at += sizeof at) {
    *reinterpret_cast<uintptr_t*>(at) = kMark | at;
  }
}

uintptr_t TargetOf(bool of_fp, size_t word) {
  return g_memory + kTargetsAt + ((of_fp ? kWindowWords : 0) + word + 1) * kTargetBytes;
}

void StorePointers(bool of_fp) {
  const uintptr_t begin = g_memory + (of_fp ? kFpAt : kSpAt) - kWindowBefore;
  auto* const words = reinterpret_cast<uintptr_t*>(begin);
  for (size_t i = 0; i < kWindowWords; ++i) words[i] = TargetOf(of_fp, i);
}

bool InventMemory() {
  if (g_memory != 0) return true;
  const uintptr_t memory = ClaimAnywhere(kSpan, Access::kReadWrite);
  if (memory == 0) return false;
  g_memory = memory;
  StorePointers(false);
  StorePointers(true);
  StoreMarks(memory + kEndAt - kMostSavedDistance, memory + kEndAt + kWindowBefore);
  StoreMarks(memory + kTargetsAt, TargetOf(true, kWindowWords));
  return true;
}

// Where the pointer `value` was stored, from sp or fp. False: it is none of them.
bool PlaceOfPointer(uintptr_t value, bool* from_fp, int32_t* offset) {
  const uintptr_t distance = value - TargetOf(false, 0);
  const size_t word = distance / kTargetBytes;
  if (distance % kTargetBytes != 0 || word >= 2 * kWindowWords) return false;
  *from_fp = word >= kWindowWords;
  *offset = static_cast<int32_t>(word % kWindowWords * sizeof(uintptr_t)) -
            static_cast<int32_t>(kWindowBefore);
  return true;
}

// One step of the unwinder. It ends by bartizan_unwind_abort() where a table holds what it does not
// know.
Stepped Step(const Registers& from) {
  static constinit unw_context_t context = {};
  static constinit unw_cursor_t cursor = {};
  Stepped result;
  if (__builtin_setjmp(g_escape) != 0) return {};
  // It must find the place when it begins: it never looks again for what it has missed once.
  std::memset(&context, 0, sizeof context);
  context.data[kContextPc] = from.pc;
  if (unw_init_local(&cursor, &context) != UNW_ESUCCESS) return result;
  // Whatever else a rule names leads into the invented memory.
  for (int i = UNW_X86_64_RAX; i <= UNW_X86_64_R15; ++i) {
    unw_set_reg(&cursor, i, g_memory + kTargetsAt);
  }
  // What holds from an instruction on, the unwinder takes to hold behind it: it thinks of return
  // addresses. By this name of the register, it does not look for the place anew.
  unw_set_reg(&cursor, UNW_X86_64_RIP, from.pc + 1);
  unw_set_reg(&cursor, UNW_REG_SP, from.sp);
  unw_set_reg(&cursor, UNW_X86_64_RBP, from.fp);
  unw_proc_info_t info = {};
  if (unw_get_proc_info(&cursor, &info) != UNW_ESUCCESS || info.end_ip == 0) return result;
  result.found = true;
  unw_step(&cursor);
  unw_word_t words[3] = {};
  unw_get_reg(&cursor, UNW_REG_IP, &words[0]);
  unw_get_reg(&cursor, UNW_REG_SP, &words[1]);
  unw_get_reg(&cursor, UNW_X86_64_RBP, &words[2]);
  result.caller = {words[0], words[1], words[2]};
  return result;
}

// Where a frame ends is known: what the caller's pc and fp were read from follows from the marks.
bool FinishRule(const Stepped& step, uintptr_t end, uintptr_t fp, FrameRule* rule) {
  if (step.caller.sp != end) return false;
  if (step.caller.pc == kNoRegister) {
    rule->kind = FrameKind::kOutermost;
    return true;
  }
  if (step.caller.pc != (kMark | (end - sizeof(uintptr_t)))) return false;
  if (step.caller.fp == fp) return true;
  const auto distance = static_cast<int64_t>((step.caller.fp & ~kMark) - end);
  if ((step.caller.fp & kMark) != kMark || distance >= 0 || distance < -kMostSavedDistance) {
    return false;
  }
  rule->fp = static_cast<int32_t>(distance);
  return true;
}

bool SignalRule(const Stepped& step, int32_t sp_at, FrameRule* rule) {
  bool from_fp = false;
  int32_t pc_at = 0;
  int32_t fp_at = 0;
  if (!PlaceOfPointer(step.caller.pc, &from_fp, &pc_at) || from_fp) return false;
  if (!PlaceOfPointer(step.caller.fp, &from_fp, &fp_at) || from_fp) return false;
  if (pc_at != sp_at + static_cast<int32_t>(sizeof(uintptr_t))) return false;
  *rule = {.kind = FrameKind::kSignal, .frame = sp_at, .fp = fp_at};
  return true;
}

bool FindRule(uintptr_t pc, FrameRule* rule) {
  const Registers first = {pc, g_memory + kSpAt, g_memory + kFpAt};
  const Stepped step = Step(first);
  if (!step.found) return false;
  bool from_fp = false;
  int32_t offset = 0;
  if (PlaceOfPointer(step.caller.sp, &from_fp, &offset)) {
    if (!from_fp && SignalRule(step, offset, rule)) return true;
    *rule = {.kind = from_fp ? FrameKind::kAtFp : FrameKind::kAtSp, .frame = offset};
    return FinishRule(step, step.caller.sp, first.fp, rule);
  }
  // Not stored anywhere: some bytes behind sp or fp. A second step has the frame end among marks.
  Registers second = first;
  const uintptr_t end = g_memory + kEndAt;
  for (const FrameKind kind : {FrameKind::kFromSp, FrameKind::kFromFp}) {
    uintptr_t& base = kind == FrameKind::kFromSp ? second.sp : second.fp;
    const uintptr_t frame = step.caller.sp - base;
    if (frame > kMostFrameBytes) continue;
    base = end - frame;
    *rule = {.kind = kind, .frame = static_cast<int32_t>(frame)};
    return FinishRule(Step(second), end, second.fp, rule);
  }
  return false;
}

}  // namespace

FrameRule ReadTables(const CodeImage& image, uintptr_t pc) {
  FrameRule rule;
  g_image = &image;
  if (!image.has_tables || !InventMemory() || !FindRule(pc, &rule)) {
    rule = {.kind = FrameKind::kFramePointer};
  }
  return rule;
}

}  // namespace bartizan::platform

// The image that is being looked at is the only module there is; no other is looked at by mistake,
// because whatever else the unwinder asks about is no address.
int bartizan_unwind_dl_iterate_phdr(ModuleFunction* function, void* context) {
  using bartizan::platform::g_image;
  // The unwinder keeps what it has found for as long as modules have neither come nor gone.
  static constinit unsigned long long changes = 0;
  dl_phdr_info info = {};
  info.dlpi_addr = g_image->image.bias;
  info.dlpi_name = "";
  info.dlpi_phdr = g_image->image.segments.data();
  info.dlpi_phnum = static_cast<Elf64_Half>(g_image->image.segments.size());
  info.dlpi_adds = ++changes;
  return function(&info, sizeof info, context);
}

void bartizan_unwind_abort() { __builtin_longjmp(bartizan::platform::g_escape, 1); }

#else

namespace bartizan::platform {

FrameRule ReadTables(const CodeImage&, uintptr_t) { return {.kind = FrameKind::kFramePointer}; }

}  // namespace bartizan::platform

#endif
