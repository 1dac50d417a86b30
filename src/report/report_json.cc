// One line of JSON, as docs/reports.schema.json describes it: `version` goes up when a member
// changes its meaning.
#include "src/options/sealed_page.h"
#include "src/platform/process.h"
#include "src/report/frames.h"
#include "src/report/json_words.h"
#include "src/report/report_text.h"

namespace bartizan {
namespace {

void AppendNumber(std::string_view name, uint64_t value, ReportText& text) {
  text << ",\"" << name << "\":" << value;
}
void AppendKnown(std::string_view name, size_t value, ReportText& text) {
  if (value != Violation::kUnknown) AppendNumber(name, value, text);
}
void AppendText(std::string_view name, std::string_view value, ReportText& text) {
  text << ",\"" << name << "\":";
  AppendJsonText(value, text);
}
void AppendAddress(std::string_view name, uintptr_t value, ReportText& text) {
  text << ",\"" << name << "\":";
  AppendJsonAddress(value, text);
}

void AppendThread(const ThreadFacts& thread, ReportText& text) {
  text << R"("thread":{"id":)" << thread.id;
  AppendText("name", thread.name, text);
  text << '}';
}

// "double free" is "double_free".
void AppendKind(std::string_view what, ReportText& text) {
  text << ",\"kind\":\"";
  for (const char c : what) text << (c == ' ' || c == '-' ? '_' : c);
  text << '"';
}

}  // namespace

void Parts::Json() {
  if (!Add(&Parts::FindBlock)) {
    report_.description = {};
    Incomplete("block");
  }
  HeadJson();
  AccessJson();
  if (!Add(&Parts::AccessStackJson)) Incomplete("stack");
  BlockJson();
  if (!Add(&Parts::AllocationJson)) Incomplete("allocation");
  if (!Add(&Parts::FreeJson)) Incomplete("free");
  NeighboursJson();
  text_ << ",\"incomplete\":[" << incomplete_.view() << "]}\n";
}

void Parts::Incomplete(std::string_view part) {
  incomplete_ << (incomplete_.empty() ? "\"" : ",\"") << part << '"';
}

void Parts::HeadJson() {
  const Violation& violation = report_.violation;
  text_ << R"({"format":"bartizan-report","version":1)";
  AppendNumber("time_ms", platform::WallClockMs(), text_);
  AppendKind(violation.what, text_);
  AppendText("what", violation.what, text_);
  AppendText("detail", violation.detail, text_);
  AppendText("advice", violation.advice, text_);
  AppendText("layer", violation.layer.empty() ? "always on" : violation.layer, text_);
  AppendText("ending", report_.ending, text_);
  text_ << R"(,"process":{"id":)" << platform::ProcessId();
  AppendText("program", platform::ProgramName(), text_);
  ThreadFacts thread = {.id = platform::ThreadId()};
  platform::NameThread(thread.name);
  text_ << "},";
  AppendThread(thread, text_);
  if (OptionsInForce().seed != 0) AppendNumber("seed", OptionsInForce().seed, text_);
  AppendAddress("address", violation.address, text_);
  AppendKnown("slot_bytes", violation.slot_bytes, text_);
  AppendKnown("requested", violation.requested, text_);
  AppendKnown("stated", violation.stated, text_);
}

void Parts::AccessJson() {
  const Violation& violation = report_.violation;
  if (violation.access != AccessKind::kNone) {
    text_ << R"(,"access":{"type":)";
    AppendJsonText(WordOf(violation.access), text_);
    AppendKnown("bytes", violation.access_bytes, text_);
    text_ << '}';
  }
  const BlockFacts& block = report_.description.block;
  const Position position = PositionOf(violation.address, block);
  // Nothing is said where the address is the block, and no access is known.
  const bool is_block = violation.access == AccessKind::kNone &&
                        position.place == Position::kInside && position.distance == 0;
  if (position.place == Position::kUnknown || is_block) return;
  text_ << R"(,"position":{"place":)";
  AppendJsonText(WordOf(position.place), text_);
  AppendNumber("distance", position.distance, text_);
  text_ << R"(,"words":")";
  AppendPosition(position, block, text_);
  text_ << "\"}";
}

void Parts::AccessStackJson() {
  Frames frames;
  WalkFrames(&frames);
  text_ << ",\"stack\":";
  AppendFramesJson(frames, text_);
}

void Parts::BlockJson() {
  const BlockFacts& block = report_.description.block;
  if (block.state == BlockState::kUnknown) return;
  text_ << R"(,"block":{"state":)";
  AppendJsonText(WordOf(block.state), text_);
  AppendAddress("address", block.begin, text_);
  AppendKnown("requested", block.requested, text_);
  AppendKnown("slot_bytes", block.slot_bytes, text_);
  if (!block.family.empty()) AppendText("family", block.family, text_);
  text_ << R"(,"own_pages":)" << (block.slot_bytes == Violation::kUnknown ? "true" : "false");
  text_ << '}';
}

void Parts::EventJson(std::string_view name, const EventFacts& event) {
  if (!event.known) return;
  text_ << ",\"" << name << "\":{";
  AppendThread(event.thread, text_);
  AppendNumber("age_ns", event.age_ns, text_);
  AppendNumber("number", event.number, text_);
  Frames frames;
  FindFrames(event.stack, &frames);
  text_ << ",\"stack\":";
  AppendFramesJson(frames, text_);
  text_ << '}';
}
void Parts::AllocationJson() { EventJson("allocation", report_.description.block.allocation); }
void Parts::FreeJson() { EventJson("free", report_.description.block.free); }

void Parts::NeighboursJson() {
  const Description& of = report_.description;
  text_ << ",\"neighbours\":[";
  bool first = true;
  const auto add = [&](std::string_view side, const NeighbourFacts& neighbour) {
    if (neighbour.requested == Violation::kUnknown) return;
    text_ << (first ? "" : ",") << R"({"side":)";
    first = false;
    AppendJsonText(side, text_);
    AppendAddress("address", neighbour.begin, text_);
    AppendNumber("requested", neighbour.requested, text_);
    text_ << '}';
  };
  add("below", of.below);
  add("above", of.above);
  text_ << ']';
}

}  // namespace bartizan
