#include "src/options/values.h"
#include "src/report/statistics_writer.h"

namespace bartizan {
namespace {

// Objects and arrays, with the commas between what is in them.
class Json {
 public:
  explicit Json(Output& out) : out_(out) {}

  void Begin(char bracket) {
    Separate();
    out_ << bracket;
    first_ = true;
  }
  void End(char bracket) {
    out_ << bracket;
    first_ = false;
  }
  void Name(std::string_view name) {
    Separate();
    Quote(name);
    out_ << ':';
    first_ = true;  // of what follows the name
  }
  void Member(std::string_view name, uint64_t value) {
    Name(name);
    Number(value);
  }
  void Member(std::string_view name, std::string_view text) {
    Name(name);
    Text(text);
  }
  void Member(std::string_view name, bool value) {
    Name(name);
    out_ << (value ? "true" : "false");
    first_ = false;
  }
  void Share(std::string_view name, uint64_t part, uint64_t whole) {
    Name(name);
    out_.Share(part, whole);
    first_ = false;
  }
  void Number(uint64_t value) {
    Separate();
    out_ << value;
  }
  void Text(std::string_view text) {
    Separate();
    Quote(text);
  }

 private:
  void Separate() {
    if (!first_) out_ << ',';
    first_ = false;
  }
  // Bytes beyond ASCII become escapes of the same number: whatever a name holds, the text is valid.
  void Quote(std::string_view text) {
    constexpr char kDigits[] = "0123456789abcdef";
    out_ << '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out_ << '\\' << c;
      } else if (byte < ' ' || byte >= 0x7f) {
        out_ << "\\u00" << kDigits[byte >> 4] << kDigits[byte & 15];
      } else {
        out_ << c;
      }
    }
    out_ << '"';
  }

  Output& out_;
  bool first_ = true;
};

void WriteIdentity(const StatisticsView& view, Json& json) {
  const ProcessInfo& info = *view.info;
  json.Member("format", std::string_view("bartizan-statistics"));
  json.Member("version", kStatisticsVersion);
  json.Name("process");
  json.Begin('{');
  json.Member("id", view.process);
  json.Member("program", view.program);
  json.End('}');
  json.Name("library");
  json.Begin('{');
  json.Member("version", std::string_view(info.library_version));
  json.Member("variant", std::string_view(info.variant));
  json.Member("profile", std::string_view(info.profile));
  json.Name("layers");
  json.Begin('[');
  std::string_view names = info.layer_names;
  for (unsigned bit = 0; bit < 64 && !names.empty(); ++bit) {
    size_t length = names.find(' ');
    if (length == std::string_view::npos) length = names.size();
    if ((info.layers_in_force >> bit & 1) != 0) json.Text(Part(names, 0, length));
    names.remove_prefix(length < names.size() ? length + 1 : length);
  }
  json.End(']');
  json.Member("quarantine_bytes", info.quarantine_bytes);
  json.Member("large_quarantine_bytes", info.large_quarantine_bytes);
  json.Member("large_cache_bytes", info.large_cache_bytes);
  json.Member("decay_ms", info.decay_ms);
  json.End('}');
}

void WriteTotals(std::string_view name, TotalSpecs specs, const EngineStatistics& statistics,
                 Json& json) {
  json.Name(name);
  json.Begin('{');
  for (const TotalSpec& spec : specs) json.Member(spec.name, spec.value(statistics));
  json.End('}');
}

void WriteClasses(const EngineStatistics& statistics, Json& json) {
  json.Name("classes");
  json.Begin('[');
  for (ClassId id = 0; id < kClasses; ++id) {
    const ClassStatistics& of = statistics.classes[id];
    if (!IsUsed(of)) continue;
    json.Begin('{');
    json.Member("slot_bytes", uint64_t{id == kZeroClass ? 0 : kClassBytes[id]});
    json.Member("slab_bytes", uint64_t{SlabBytes(id)});
    for (const ClassSpec& spec : ClassGauges()) json.Member(spec.name, spec.value(of));
    json.Share("fragmentation", of.idle_bytes, of.committed_bytes);
    json.End('}');
  }
  json.End(']');
}

void WriteNodes(const EngineStatistics& statistics, Json& json) {
  json.Name("nodes");
  json.Begin('[');
  for (uint32_t i = 0; i < statistics.nodes; ++i) {
    const NodeStatistics& node = statistics.node[i];
    json.Begin('{');
    json.Member("number", static_cast<uint64_t>(node.number));
    json.Member("slabs", node.slabs);
    json.Member("slab_bytes", node.slab_bytes);
    json.Member("live_bytes", node.live_bytes);
    json.Member("committed_bytes", node.committed_bytes);
    json.End('}');
  }
  json.End(']');
}

void WriteEpochs(const EngineStatistics& statistics, Json& json) {
  json.Name("oldest_epochs");
  json.Begin('[');
  for (uint32_t i = 0; i < statistics.epochs_shown; ++i) {
    const EpochStatistics& epoch = statistics.epochs[i];
    json.Begin('{');
    json.Member("id", uint64_t{epoch.id});
    json.Member("era", epoch.era);
    json.Member("label", std::string_view(epoch.label));
    json.Member("closing", epoch.closing);
    json.Member("scopes", uint64_t{epoch.scopes});
    json.Member("age_ms", epoch.age_ms);
    json.Member("slabs", epoch.slabs);
    json.Member("live_blocks", epoch.live_blocks);
    json.Member("live_bytes", epoch.live_bytes);
    json.Member("committed_bytes", epoch.committed_bytes);
    json.End('}');
  }
  json.End(']');
}

void WriteCounters(const uint64_t* counters, Json& json) {
  json.Name("counters");
  json.Begin('{');
  for (size_t i = 0; i < kHeapCounterCount; ++i) json.Member(kHeapCounters[i].name, counters[i]);
  json.End('}');
}

void WriteHeaps(const HeapSource& source, Json& json) {
  json.Name("heaps");
  json.Begin('[');
  for (uint32_t id = 1; id < source.limit; ++id) {
    HeapStatistics heap;
    if (!source.read(source.context, static_cast<HeapId>(id), &heap)) continue;
    json.Begin('{');
    json.Member("id", uint64_t{heap.id});
    json.Member("attached", heap.attached);
    json.Member("node", uint64_t{heap.node});
    json.Member("cached_bytes", heap.cached_bytes);
    json.Member("quarantined_bytes", heap.quarantined_bytes);
    json.Member("slabs", heap.slabs);
    json.Member("slab_bytes", heap.slab_bytes);
    json.Member("empty_bytes", heap.empty_bytes);
    WriteCounters(heap.counters, json);
    json.End('}');
  }
  json.End(']');
}

void WriteCatches(const EngineStatistics& statistics, Json& json) {
  json.Name("catches");
  json.Begin('{');
  for (size_t i = 0; i < kCatchers; ++i) json.Member(CatcherName(i), statistics.catches[i]);
  json.End('}');
}

// Buckets that hold something; the last one may be open.
void WriteHistogram(const HistogramSpec& spec, const HistogramStatistics& histogram, Json& json) {
  json.Name(spec.name);
  json.Begin('{');
  json.Member("unit", spec.unit);
  json.Member("count", histogram.count());
  json.Member("sum", histogram.sum);
  json.Name("buckets");
  json.Begin('[');
  for (size_t i = 0; i < spec.buckets(); ++i) {
    if (histogram.blocks[i] == 0) continue;
    json.Begin('{');
    if (i + 1 < spec.buckets()) json.Member("up_to", spec.BoundOf(i));
    json.Member("count", histogram.blocks[i]);
    json.End('}');
  }
  json.End(']');
  json.End('}');
}

void WriteSampling(const EngineStatistics& statistics, Json& json) {
  json.Name("sampling");
  json.Begin('{');
  for (const TotalSpec& spec : SamplingTotals()) json.Member(spec.name, spec.value(statistics));
  for (size_t i = 0; i < kHistogramCount; ++i) {
    WriteHistogram(kHistograms[i], statistics.histograms[i], json);
  }
  json.End('}');
}

void WriteSystem(const EngineStatistics& statistics, Json& json) {
  json.Name("system_calls");
  json.Begin('{');
  for (size_t i = 0; i < platform::kSystemCalls; ++i) {
    json.Name(platform::kSystemCallNames[i]);
    json.Begin('{');
    json.Member("made", statistics.calls[i].made);
    json.Member("failed", statistics.calls[i].failed);
    json.End('}');
  }
  json.End('}');
  json.Name("locks");
  json.Begin('{');
  json.Member("contended", statistics.contended_locks);
  json.Member("slept", statistics.slept_locks);
  json.End('}');
  json.Name("container");
  json.Begin('{');
  for (const TotalSpec& spec : ContainerTotals()) json.Member(spec.name, spec.value(statistics));
  json.Member("shrinks", statistics.container_shrinks);
  json.End('}');
}

}  // namespace

void WriteStatisticsJson(const StatisticsView& view, Output& out) {
  const EngineStatistics& statistics = *view.statistics;
  Json json(out);
  json.Begin('{');
  WriteIdentity(view, json);
  json.Member("complete", !statistics.incomplete);
  WriteTotals("totals", Totals(), statistics, json);
  if (view.knows_resident) json.Member("resident_bytes", view.resident_bytes);
  WriteTotals("large", LargeTotals(), statistics, json);
  WriteClasses(statistics, json);
  WriteNodes(statistics, json);
  WriteEpochs(statistics, json);
  WriteCounters(statistics.counters, json);
  WriteHeaps(view.heaps, json);
  WriteSystem(statistics, json);
  WriteTotals("degraded", Degradations(), statistics, json);
  WriteCatches(statistics, json);
  WriteTotals("handles", HandleTotals(), statistics, json);
  WriteSampling(statistics, json);
  json.End('}');
}

}  // namespace bartizan
