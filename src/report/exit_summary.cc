#include "src/report/exit_summary.h"

#include "src/base/text.h"
#include "src/engine/fork.h"
#include "src/engine/statistics.h"
#include "src/options/sealed_page.h"
#include "src/platform/process.h"
#include "src/report/delivery.h"
#include "src/report/json_words.h"
#include "src/report/report_text.h"

namespace bartizan {
namespace {

using Line = Text<1024>;

struct Summary {
  uint64_t errors;
  // As far as samples tell.
  uint64_t allocated_blocks;
  uint64_t allocated_bytes;
  uint64_t peak_bytes;
  bool exact;  // every block was a sample
  uint64_t live_blocks;
  uint64_t live_bytes;
  LostBlocks lost;
};

Summary Summarize(const LostBlocks& lost) {
  EngineStatistics statistics;
  ReadStatistics(&statistics);
  const HistogramStatistics& sizes = statistics.Of(Sampled::kSize);
  const uint64_t blocks = sizes.count();
  return {.errors = statistics.AllCatches(),
          .allocated_blocks = blocks,
          .allocated_bytes = sizes.sum,
          .peak_bytes = statistics.peak_bytes,
          .exact = blocks == statistics.Counter(&HeapCounters::samples),
          .live_blocks = statistics.small_live_blocks + uint64_t{statistics.large.live_blocks},
          .live_bytes = statistics.small_live_bytes + uint64_t{statistics.large.live_bytes},
          .lost = lost};
}

void AppendCount(uint64_t count, std::string_view what, Line& line) {
  line << count << ' ' << what << (count == 1 ? "" : "s");
}

void AppendLost(const LostBlocks& lost, Line& line) {
  if (!lost.known) return;
  line << "; ";
  if (lost.blocks == 0) {
    line << "no leaks";
    return;
  }
  AppendCount(lost.blocks, "leak", line);
  line << " of together ";
  AppendCount(lost.bytes, "byte", line);
}

void AppendText(const Summary& summary, Line& line) {
  line << "bartizan: summary: process " << platform::ProcessId() << " (";
  AppendForeignName(platform::ProgramName(), line);
  line << "): ";
  AppendCount(summary.errors, "heap error", line);
  if (summary.allocated_blocks != 0) {
    line << (summary.exact ? "; " : "; about ");
    AppendCount(summary.allocated_blocks, "block", line);
    line << " allocated, at most ";
    AppendCount(summary.peak_bytes, "byte", line);
    line << " at a time";
  }
  line << "; ";
  AppendCount(summary.live_blocks, "block", line);
  line << " of together ";
  AppendCount(summary.live_bytes, "byte", line);
  line << " in use at exit";
  AppendLost(summary.lost, line);
  line << '\n';
}

void AppendJson(const Summary& summary, Line& line) {
  line << R"({"format":"bartizan-summary","version":1,"process":{"id":)" << platform::ProcessId()
       << R"(,"program":)";
  AppendJsonText(platform::ProgramName(), line);
  line << R"(},"errors":)" << summary.errors;
  if (summary.allocated_blocks != 0) {
    line << R"(,"allocated":{"exact":)" << (summary.exact ? "true" : "false") << R"(,"blocks":)"
         << summary.allocated_blocks << R"(,"bytes":)" << summary.allocated_bytes
         << R"(,"peak_bytes":)" << summary.peak_bytes << '}';
  }
  line << R"(,"live":{"blocks":)" << summary.live_blocks << R"(,"bytes":)" << summary.live_bytes
       << '}';
  if (summary.lost.known) {
    line << R"(,"leaks":{"blocks":)" << summary.lost.blocks << R"(,"bytes":)" << summary.lost.bytes
         << '}';
  }
  line << "}\n";
}

}  // namespace

void WriteExitSummary(const LostBlocks& lost) {
  const Options& options = OptionsInForce();
  if (!options.exit_summary || IsForkChild()) return;
  const Summary summary = Summarize(lost);
  Line line;
  if (options.report_format == kReportJson) {
    AppendJson(summary, line);
  } else {
    AppendText(summary, line);
  }
  Deliver(line.view());
}

}  // namespace bartizan
