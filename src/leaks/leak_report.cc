#include "src/leaks/leak_report.h"

#include "src/base/text.h"
#include "src/platform/mapping_list.h"
#include "src/report/stack_text.h"

namespace bartizan::leaks {
namespace {

std::string_view NameOf(Reach reach) {
  switch (reach) {
    case Reach::kDirect:
      return "direct";
    case Reach::kIndirect:
      return "indirect";
    case Reach::kRoots:
    case Reach::kNone:
      break;
  }
  return "reachable";
}

void WriteAddress(Output& out, uint64_t address) {
  Text<20> text;
  text.Hex(address);
  out << '"' << text.view() << '"';
}

// Names may hold anything.
void WriteQuoted(Output& out, std::string_view text) {
  out << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out << '\\';
    out << ((c >= 0 && c < ' ') || c == 0x7f ? '?' : c);
  }
  out << '"';
}

void WriteSum(Output& out, std::string_view name, uint64_t blocks, uint64_t bytes) {
  out << ", \"" << name << "\": {\"blocks\": " << blocks << ", \"bytes\": " << bytes << '}';
}

size_t FramesOf(const LeakReport& report, const LeakGroup& group,
                uintptr_t (&frames)[StackTable::kMostFrames]) {
  return StackTable::FramesElsewhere(report.memory,
                                     reinterpret_cast<uintptr_t>(report.roots->stacks), group.stack,
                                     frames, StackTable::kMostFrames);
}

void WriteGroup(Output& out, const LeakReport& report, const LeakGroup& group) {
  out << "{\"kind\": \"" << NameOf(group.reach) << "\", \"blocks\": " << group.blocks
      << ", \"bytes\": " << group.bytes << ", \"stack\": " << uint64_t{group.stack}
      << ", \"size\": " << uint64_t{group.size}
      << ", \"leader_stack\": " << uint64_t{group.leader_stack}
      << ", \"leader_size\": " << uint64_t{group.leader_size} << ", \"example\": ";
  WriteAddress(out, group.example);
  out << ", \"frames\": [";
  uintptr_t frames[StackTable::kMostFrames];
  const size_t count = FramesOf(report, group, frames);
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) out << ", ";
    WriteAddress(out, frames[i]);
  }
  out << "]}";
}

void WriteCode(Output& out, const LeakReport& report) {
  Text<64> path;
  path << "/proc/" << report.reader << "/maps";
  char buffer[8192];
  platform::MappingList list(buffer, sizeof buffer, path.c_str());
  platform::Mapping mapping;
  for (bool first = true; list.Next(&mapping);) {
    if (!mapping.executable) continue;
    constexpr std::string_view kDeleted = " (deleted)";
    if (mapping.name.ends_with(kDeleted)) mapping.name.remove_suffix(kDeleted.size());
    out << (first ? "" : ", ") << "{\"begin\": ";
    WriteAddress(out, mapping.begin);
    out << ", \"end\": ";
    WriteAddress(out, mapping.end);
    out << ", \"offset\": ";
    WriteAddress(out, mapping.offset);
    out << ", \"path\": ";
    WriteQuoted(out, mapping.name);
    out << '}';
    first = false;
  }
}

void WriteAmount(Output& out, uint64_t blocks, uint64_t bytes) {
  out << bytes << (bytes == 1 ? " byte in " : " bytes in ") << blocks
      << (blocks == 1 ? " block" : " blocks");
}

void WriteTextGroup(Output& out, const LeakReport& report, const LeakGroup& group, bool symbols) {
  out << "  ";
  WriteAmount(out, group.blocks, group.bytes);
  out << (group.reach == Reach::kDirect ? " lost" : " lost with others");
  uintptr_t frames[StackTable::kMostFrames];
  const size_t count = FramesOf(report, group, frames);
  if (count == 0) {
    out << ", no stack recorded\n";
    return;
  }
  out << ", allocated by:\n";
  WriteStack(out, frames, count, symbols);
}

}  // namespace

void WriteLeaksText(const LeakReport& report, Output& out) {
  const LeakSums& sums = report.groups->sums();
  out << "bartizan: leaks: process " << report.process << " (" << report.program << "): ";
  WriteAmount(out, sums.direct_blocks + sums.indirect_blocks,
              sums.direct_bytes + sums.indirect_bytes);
  out << " lost\n";
  // Names are read from files anew for each group: the first ones, which lose most, have some.
  constexpr size_t kMostNamed = 100;
  size_t written = 0;
  for (const LeakGroup& group : *report.groups) {
    WriteTextGroup(out, report, group, report.symbols && written++ < kMostNamed);
  }
}

void WriteLeaksJson(const LeakReport& report, Output& out) {
  const LeakSums& sums = report.groups->sums();
  out << "{\"process\": " << report.process << ", \"program\": ";
  WriteQuoted(out, report.program);
  WriteSum(out, "direct", sums.direct_blocks, sums.direct_bytes);
  WriteSum(out, "indirect", sums.indirect_blocks, sums.indirect_bytes);
  WriteSum(out, "reachable", sums.reachable_blocks, sums.reachable_bytes);
  out << ", \"all_threads\": " << (report.knows_all_threads ? "true" : "false")
      << ", \"groups\": [";
  bool first = true;
  for (const LeakGroup& group : *report.groups) {
    if (!first) out << ", ";
    first = false;
    WriteGroup(out, report, group);
  }
  out << "], \"code\": [";
  WriteCode(out, report);
  out << "]}\n";
}

}  // namespace bartizan::leaks
