#include "src/report/report_text.h"

#include "src/options/sealed_page.h"
#include "src/platform/fault_signals.h"
#include "src/platform/process.h"
#include "src/report/frames.h"

namespace bartizan {
namespace {

constinit const ReportSources* g_sources = nullptr;

// What does not fit is cut: logs do that, too.
constexpr size_t kLongestLine = 1024;

constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kPlain = "\033[0m";

// In the unit that leaves one to four digits before the point.
void AppendAge(uint64_t ns, ReportText& text) {
  constexpr struct {
    uint64_t ns;
    std::string_view name;
  } kUnits[] = {{1'000'000'000, " s"}, {1'000'000, " ms"}, {1000, " us"}, {1, " ns"}};
  for (const auto& unit : kUnits) {
    if (ns < unit.ns && unit.ns != 1) continue;
    text << ns / unit.ns;
    if (unit.ns != 1) text << '.' << ns % unit.ns * 10 / unit.ns;
    text << unit.name;
    return;
  }
}

void AppendThread(const ThreadFacts& thread, ReportText& text) {
  text << "thread " << thread.id;
  if (thread.name[0] == '\0') return;
  text << " (";
  AppendForeignName(thread.name, text);
  text << ')';
}

}  // namespace

void SetReportSources(const ReportSources* sources) { g_sources = sources; }

Position PositionOf(uintptr_t address, const BlockFacts& block) {
  if (block.requested == Violation::kUnknown) return {};
  if (address < block.begin) return {Position::kBefore, block.begin - address};
  const size_t offset = address - block.begin;
  if (offset < block.requested) return {Position::kInside, offset};
  return {Position::kAfter, offset - block.requested};
}

bool Parts::Add(Part part) {
  struct Call {
    Parts* parts;
    Part part;
  } call = {this, part};
  const size_t size = text_.size();
  const bool done = platform::RunGuarded(
      [](void* context) {
        const Call& of = *static_cast<Call*>(context);
        (of.parts->*of.part)();
      },
      &call);
  if (!done) text_.CutTo(size);
  return done;
}

void Parts::FindBlock() {
  if (g_sources == nullptr) return;
  g_sources->describe(report_.violation.address, &report_.description);
}

void Parts::WalkFrames(Frames* frames) const {
  if (g_sources != nullptr) {
    frames->count = g_sources->walk(report_.from, frames->code, Frames::kMost);
  }
  // Where nothing leads further, at least this is known; of a call, our own code is.
  if (frames->count != 0 || report_.violation.context == nullptr) return;
  frames->code[frames->count++] = report_.from.pc;
}

void Parts::FindFrames(uint32_t stack, Frames* frames) {
  if (g_sources == nullptr || stack == 0) return;
  frames->count = g_sources->stored(stack, frames->code, Frames::kMost);
}

void Parts::FirstLine() {
  const Violation& violation = report_.violation;
  text_ << "bartizan: fatal: " << violation.what << ": " << violation.detail << "; address ";
  text_.Hex(violation.address);
  if (violation.slot_bytes != Violation::kUnknown) {
    text_ << ", size class " << uint64_t{violation.slot_bytes};
  }
  if (violation.requested != Violation::kUnknown) {
    text_ << ", requested " << uint64_t{violation.requested};
  }
  if (violation.stated != Violation::kUnknown) {
    text_ << ", stated " << uint64_t{violation.stated};
  }
  text_ << ", process " << platform::ProcessId() << " (";
  // A file's name may hold anything; the report is one line.
  AppendForeignName(platform::ProgramName(), text_);
  text_ << ") thread " << platform::ThreadId();
  if (OptionsInForce().seed != 0) text_ << ", seed " << OptionsInForce().seed;
  if (!violation.advice.empty()) text_ << ". What to do: " << violation.advice;
  text_.CutTo(kLongestLine - 1);
  text_ << '\n';
}

void Parts::Details() {
  if (!Add(&Parts::FindBlock)) report_.description = {};
  // A line is enough where no history is known: who called is found in the core dump. Not where
  // each block was to have one.
  const Options& options = OptionsInForce();
  const bool wants_stacks = options.sample_interval == 1 && options.stacks != kStacksOff;
  const bool has_history = report_.description.block.allocation.known;
  if (!wants_stacks && !has_history && report_.violation.context == nullptr) return;
  bool whole = Add(&Parts::AccessText);
  whole &= Add(&Parts::BlockText);
  whole &= Add(&Parts::AllocationText);
  whole &= Add(&Parts::FreeText);
  whole &= Add(&Parts::NeighboursText);
  EndText();
  if (!whole)
    text_ << "  Parts of this report are missing: the memory they are made from is damaged\n";
}

void Parts::Headline(std::string_view word) {
  text_ << "  " << (colours_ ? kBold : "") << word << (colours_ ? kPlain : "");
}

void Parts::AccessText() {
  const Violation& violation = report_.violation;
  ThreadFacts thread = {.id = platform::ThreadId()};
  platform::NameThread(thread.name);
  if (violation.access == AccessKind::kNone) {
    Headline("Found by ");
  } else {
    Headline(violation.access == AccessKind::kUnknown ? "Access" : "");
    if (violation.access == AccessKind::kRead) text_ << "Read";
    if (violation.access == AccessKind::kWrite) text_ << "Write";
    if (violation.access == AccessKind::kExecute) text_ << "Execution";
    if (violation.access_bytes != Violation::kUnknown) {
      text_ << " of ";
      AppendBytes(violation.access_bytes, text_);
    }
    text_ << " at ";
    text_.Hex(violation.address);
    text_ << " by ";
  }
  AppendThread(thread, text_);
  text_ << ":\n";
  Frames frames;
  WalkFrames(&frames);
  AppendFramesText(frames, text_);
}

void Parts::BlockText() {
  const BlockFacts& block = report_.description.block;
  if (block.state == BlockState::kUnknown) return;
  const Position position = PositionOf(report_.violation.address, block);
  Headline("Block: ");
  if (position.place == Position::kUnknown) {
    text_ << "none at this place";
  } else {
    text_ << "the address is ";
    AppendPosition(position, block, text_);
    text_ << " at ";
    text_.Hex(block.begin);
  }
  if (!block.family.empty()) text_ << ", from " << block.family;
  if (block.slot_bytes != Violation::kUnknown) {
    text_ << ", size class " << uint64_t{block.slot_bytes};
  } else {
    text_ << ", with pages of its own";
  }
  text_ << '\n';
}

void Parts::EventText(std::string_view word, const EventFacts& event) {
  if (!event.known) return;
  Headline(word);
  AppendThread(event.thread, text_);
  text_ << ", ";
  AppendAge(event.age_ns, text_);
  text_ << " before, event " << event.number << " of sampled blocks:\n";
  Frames frames;
  FindFrames(event.stack, &frames);
  AppendFramesText(frames, text_);
}
void Parts::AllocationText() { EventText("Allocated by ", report_.description.block.allocation); }
void Parts::FreeText() { EventText("Freed by ", report_.description.block.free); }

void Parts::NeighboursText() {
  const auto line = [this](std::string_view word, const NeighbourFacts& neighbour) {
    if (neighbour.requested == Violation::kUnknown) return;
    Headline(word);
    AppendBytes(neighbour.requested, text_);
    text_ << " at ";
    text_.Hex(neighbour.begin);
    text_ << '\n';
  };
  line("Next live block below: ", report_.description.below);
  line("Next live block above: ", report_.description.above);
}

void Parts::EndText() {
  Headline("Caught by ");
  text_ << (report_.violation.layer.empty() ? "the allocator itself" : report_.violation.layer)
        << '\n';
}

}  // namespace bartizan
