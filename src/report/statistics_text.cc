// Statistics for people, and as the XML of malloc_info.
#include "src/report/statistics_writer.h"

namespace bartizan {
namespace {

// In columns: numbers to the right, words to the left.
class Columns {
 public:
  explicit Columns(Output& out) : out_(out) {}

  Columns& Right(uint64_t n, size_t width) {
    size_t digits = 1;
    for (uint64_t rest = n; rest >= 10; rest /= 10) ++digits;
    Blanks(width > digits ? width - digits : 0);
    out_ << n;
    return *this;
  }
  Columns& Right(std::string_view text, size_t width) {
    Blanks(width > text.size() ? width - text.size() : 0);
    out_ << text;
    return *this;
  }
  Columns& Left(std::string_view text, size_t width) {
    out_ << text;
    Blanks(width > text.size() ? width - text.size() : 0);
    return *this;
  }
  // "12%"
  Columns& Percent(uint64_t part, uint64_t whole, size_t width) {
    const uint64_t percent = whole == 0    ? 0
                             : whole < 100 ? part * 100 / whole
                                           : part / (whole / 100);
    Right(percent > 100 ? 100 : percent, width - 1);
    out_ << '%';
    return *this;
  }
  void End() { out_ << '\n'; }

 private:
  void Blanks(size_t count) {
    for (; count != 0; --count) out_ << ' ';
  }
  Output& out_;
};

void WriteClassTable(const EngineStatistics& statistics, Output& out) {
  Columns columns(out);
  columns.Right("slot", 7).Right("live", 11).Right("live bytes", 14).Right("waiting", 10);
  columns.Right("cached", 10).Right("free", 10).Right("committed", 14).Right("idle", 6);
  columns.Right("full/part/empty slabs", 24).End();
  for (ClassId id = 0; id < kClasses; ++id) {
    const ClassStatistics& of = statistics.classes[id];
    if (of.slabs() == 0) continue;
    columns.Right(id == kZeroClass ? 0 : kClassBytes[id], 7).Right(of.live_blocks, 11);
    columns.Right(of.live_bytes, 14).Right(of.quarantined_slots, 10).Right(of.cached_slots, 10);
    columns.Right(of.parked_slots + of.remote_slots, 10).Right(of.committed_bytes, 14);
    columns.Percent(of.idle_bytes, of.committed_bytes, 6);
    columns.Right(of.full_slabs, 10).Right(of.partly_used_slabs, 7).Right(of.empty_slabs, 7).End();
  }
}

void WriteEpochTable(const EngineStatistics& statistics, Output& out) {
  Columns columns(out);
  columns.Left("  ", 2).Left("label", kEpochLabelBytes).Right("era", 10).Right("age, s", 10);
  columns.Right("scopes", 8).Right("live", 11).Right("live bytes", 14).Right("committed", 14).End();
  for (uint32_t i = 0; i < statistics.epochs_shown; ++i) {
    const EpochStatistics& epoch = statistics.epochs[i];
    char label[kEpochLabelBytes] = {};
    for (size_t c = 0; c + 1 < kEpochLabelBytes; ++c) {
      label[c] = epoch.label[c] > 0 && epoch.label[c] < ' ' ? '?' : epoch.label[c];
    }
    columns.Left("  ", 2).Left(label, kEpochLabelBytes).Right(epoch.era, 10);
    columns.Right(epoch.age_ms / 1000, 10).Right(epoch.scopes, 8).Right(epoch.live_blocks, 11);
    columns.Right(epoch.live_bytes, 14).Right(epoch.committed_bytes, 14);
    out << (epoch.closing ? "  closing" : "");
    columns.End();
  }
}

void WriteLine(std::string_view name, uint64_t value, std::string_view help, Output& out) {
  Columns columns(out);
  columns.Left("  ", 2).Left(name, 22).Right(value, 16);
  out << "  " << help << '\n';
}

// First of all: a process that goes on after an error is not to be trusted.
void WriteCatches(const EngineStatistics& statistics, Output& out) {
  if (statistics.AllCatches() == 0) return;
  out << "  HEAP ERRORS were caught, and the process has gone on:";
  for (size_t i = 0; i < kCatchers; ++i) {
    if (statistics.catches[i] == 0) continue;
    out << ' ' << statistics.catches[i] << " by " << CatcherName(i);
  }
  out << '\n';
}

// "512", "64k", "2m": powers of two.
void WritePower(uint64_t power, Output& out) {
  constexpr char kUnits[] = "kmgt";
  size_t units = 0;
  for (; power >= 1024 && units < sizeof kUnits - 1; power /= 1024) ++units;
  out << power;
  if (units != 0) out << kUnits[units - 1];
}

// A line for each bucket that holds something, and a bar for its share.
void WriteHistogram(const HistogramSpec& spec, const HistogramStatistics& histogram, Output& out) {
  const uint64_t count = histogram.count();
  out << spec.name << " (" << spec.unit << ", estimated from samples): " << count
      << " blocks, on average " << histogram.sum / count << '\n';
  for (size_t i = 0; i < spec.buckets(); ++i) {
    const uint64_t blocks = histogram.blocks[i];
    if (blocks == 0) continue;
    const bool open = i + 1 == spec.buckets();
    out << (open ? "  more than " : "     up to ");
    WritePower(spec.BoundOf(open ? i - 1 : i), out);
    Columns(out).Right(blocks, 16).Percent(blocks, count, 6).End();
  }
}

void WriteSampling(const EngineStatistics& statistics, Output& out) {
  if (statistics.Of(Sampled::kSize).count() == 0) return;
  for (const TotalSpec& spec : SamplingTotals()) {
    WriteLine(spec.name, spec.value(statistics), spec.help, out);
  }
  for (size_t i = 0; i < kHistogramCount; ++i) {
    if (statistics.histograms[i].count() == 0) continue;
    WriteHistogram(kHistograms[i], statistics.histograms[i], out);
  }
}

}  // namespace

void WriteStatisticsText(const StatisticsView& view, Output& out) {
  const EngineStatistics& statistics = *view.statistics;
  out << "bartizan: process " << view.process << " (";
  for (const char c : view.program) out << (c < ' ' || c == 0x7f ? '?' : c);
  out << "): Bartizan " << std::string_view(view.info->library_version) << " ("
      << std::string_view(view.info->variant) << "), profile "
      << std::string_view(view.info->profile) << '\n';
  if (statistics.incomplete) out << "  incomplete: not everything could be read\n";
  WriteCatches(statistics, out);
  for (const TotalSpec& spec : Totals())
    WriteLine(spec.name, spec.value(statistics), spec.help, out);
  if (view.knows_resident) {
    WriteLine("resident_bytes", view.resident_bytes, "the allocator's memory that is in RAM", out);
  }
  out << "large blocks:\n";
  for (const TotalSpec& spec : LargeTotals()) {
    WriteLine(spec.name, spec.value(statistics), spec.help, out);
  }
  out << "small blocks by size:\n";
  WriteClassTable(statistics, out);
  if (statistics.epochs_shown != 0) {
    out << "the oldest epochs:\n";
    WriteEpochTable(statistics, out);
  }
  if (statistics.handles.entries != 0) {
    out << "handles:\n";
    for (const TotalSpec& spec : HandleTotals()) {
      WriteLine(spec.name, spec.value(statistics), spec.help, out);
    }
  }
  WriteSampling(statistics, out);
  out << "slow paths:\n";
  for (size_t i = 0; i < kHeapCounterCount; ++i) {
    if (statistics.counters[i] == 0) continue;
    WriteLine(kHeapCounters[i].name, statistics.counters[i], kHeapCounters[i].help, out);
  }
  WriteLine("contended_locks", statistics.contended_locks, "a lock was held by another thread",
            out);
  WriteLine("slept_locks", statistics.slept_locks, "of these, the thread had to sleep", out);
  if (statistics.container_limit != 0) {
    out << "the container:\n";
    for (const TotalSpec& spec : ContainerTotals()) {
      WriteLine(spec.name, spec.value(statistics), spec.help, out);
    }
    WriteLine("shrinks", statistics.container_shrinks, "times that caches shrank for it", out);
  }
  out << "system calls, and how many of them failed or changed nothing:\n";
  for (size_t i = 0; i < platform::kSystemCalls; ++i) {
    const auto& call = statistics.calls[i];
    if (call.made == 0) continue;
    Columns columns(out);
    columns.Left("  ", 2).Left(platform::kSystemCallNames[i], 22).Right(call.made, 16);
    columns.Right(call.failed, 10).End();
  }
  for (const TotalSpec& spec : Degradations()) {
    if (spec.value(statistics) == 0) continue;
    out << "degraded: ";
    WriteLine(spec.name, spec.value(statistics), spec.help, out);
  }
}

void WriteStatisticsXml(const StatisticsView& view, Output& out) {
  const EngineStatistics& statistics = *view.statistics;
  out << "<malloc version=\"bartizan-1\">\n<heap nr=\"0\">\n<sizes>\n";
  for (ClassId id = 1; id < kClasses; ++id) {
    const ClassStatistics& of = statistics.classes[id];
    if (of.slabs() == 0) continue;
    const uint64_t free = of.parked_slots + of.remote_slots + of.cached_slots;
    const uint64_t slot = kClassBytes[id];
    out << "<size from=\"" << (id == 1 ? 1 : uint64_t{kClassBytes[id - 1]} + 1) << "\" to=\""
        << slot << "\" total=\"" << free * slot << "\" count=\"" << free << "\" live=\""
        << of.live_blocks << "\" quarantined=\"" << of.quarantined_slots << "\"/>\n";
  }
  const uint64_t fast = statistics.small_cached_bytes;
  out << "</sizes>\n<total type=\"fast\" count=\"0\" size=\"" << fast << "\"/>\n"
      << "<total type=\"quarantine\" count=\"0\" size=\"" << statistics.small_quarantined_bytes
      << "\"/>\n<total type=\"mmap\" count=\"" << uint64_t{statistics.large.live_blocks}
      << "\" size=\"" << uint64_t{statistics.large.mapped_bytes} << "\"/>\n"
      << "<total type=\"rest\" count=\"" << statistics.small_live_blocks << "\" size=\""
      << statistics.small_live_bytes << "\"/>\n"
      << "<system type=\"current\" size=\"" << statistics.committed_bytes << "\"/>\n"
      << "<aspace type=\"total\" size=\""
      << statistics.slab_bytes + uint64_t{statistics.large.mapped_bytes} << "\"/>\n</heap>\n";
  for (uint32_t id = 1; id < view.heaps.limit; ++id) {
    HeapStatistics heap;
    if (!view.heaps.read(view.heaps.context, static_cast<HeapId>(id), &heap)) continue;
    out << "<heap nr=\"" << uint64_t{id} << "\" attached=\"" << (heap.attached ? "yes" : "no")
        << "\">\n<total type=\"fast\" count=\"0\" size=\"" << heap.cached_bytes << "\"/>\n"
        << "<total type=\"quarantine\" count=\"0\" size=\"" << heap.quarantined_bytes << "\"/>\n"
        << "<aspace type=\"total\" size=\"" << heap.slab_bytes << "\"/>\n</heap>\n";
  }
  out << "</malloc>\n";
}

}  // namespace bartizan
