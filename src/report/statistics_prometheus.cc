// The text format of Prometheus, version 0.0.4: each metric once, with the samples of all
// processes.
#include "src/report/statistics_writer.h"

namespace bartizan {
namespace {

class Prometheus {
 public:
  Prometheus(const StatisticsView* views, size_t count, bool labelled, Output& out)
      : views_(views), count_(count), labelled_(labelled), out_(out) {}

  void WriteGauges() {
    Info();
    for (const TotalSpec& spec : Totals()) Total("", spec, "gauge");
    for (const TotalSpec& spec : LargeTotals()) Total("large_", spec, "gauge");
    for (const ClassSpec& spec : ClassGauges()) Class(spec);
    Resident();
    Node("slab_bytes", "address space of slabs, by memory node", &NodeStatistics::slab_bytes);
    Node("live_bytes", "bytes of small blocks in use, by memory node", &NodeStatistics::live_bytes);
    Node("committed_bytes", "memory of slabs that may be resident, by memory node",
         &NodeStatistics::committed_bytes);
  }
  void WriteCounters() {
    for (size_t i = 0; i < kHeapCounterCount; ++i) {
      Head("", kHeapCounters[i].name, "_total", kHeapCounters[i].help, "counter");
      for (size_t v = 0; v < count_; ++v) {
        Sample(views_[v], "", kHeapCounters[i].name, "_total", "", "",
               views_[v].statistics->counters[i]);
      }
    }
    Calls("system_calls", "system calls for memory and locks", false);
    Calls("failed_system_calls", "of these, the ones that failed or changed nothing", true);
    Plain("contended_locks", "times that a lock was held by another thread",
          [](const EngineStatistics& s) { return s.contended_locks; });
    Plain("slept_locks", "of these, times that the thread had to sleep",
          [](const EngineStatistics& s) { return s.slept_locks; });
    Plain("container_shrinks", "times that memory was given back for the container's limit",
          [](const EngineStatistics& s) { return s.container_shrinks; });
    for (const TotalSpec& spec : Degradations()) Total("degraded_", spec, "gauge");
    for (const TotalSpec& spec : ContainerTotals()) Total("container_", spec, "gauge");
    for (const TotalSpec& spec : HandleTotals()) Total("handle_", spec, "gauge");
    Catches();
  }
  void WriteSampling() {
    for (const TotalSpec& spec : SamplingTotals()) Total("", spec, "gauge");
    HistogramOf(Sampled::kSize, "_bytes", 0);
    HistogramOf(Sampled::kLifetime, "_seconds", 6);
    HistogramOf(Sampled::kLifetimeOperations, "", 0);
  }

 private:
  void Head(std::string_view prefix, std::string_view name, std::string_view suffix,
            std::string_view help, std::string_view type) {
    out_ << "# HELP bartizan_" << prefix << name << suffix << ' ' << help << "\n# TYPE bartizan_"
         << prefix << name << suffix << ' ' << type << '\n';
  }

  void Escaped(std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out_ << '\\' << c;
      } else {
        // Whatever a name holds, the text is printable ASCII, which is UTF-8.
        out_ << (byte < ' ' || byte >= 0x7f ? '?' : c);
      }
    }
  }

  // `{process="1",program="p",NAME="VALUE",`, or nothing yet; then further ones.
  class Labels {
   public:
    explicit Labels(Prometheus& writer) : writer_(writer) {}
    Labels& Add(std::string_view name, std::string_view value) {
      Name(name);
      writer_.Escaped(value);
      writer_.out_ << '"';
      return *this;
    }
    Labels& Add(std::string_view name, uint64_t value) {
      Name(name);
      writer_.out_ << value << '"';
      return *this;
    }
    void End() {
      if (any_) writer_.out_ << '}';
      writer_.out_ << ' ';
    }
    // `NAME="`: the value and the quote behind it are the caller's.
    void Name(std::string_view name) {
      writer_.out_ << (any_ ? ',' : '{') << name << "=\"";
      any_ = true;
    }

   private:
    Prometheus& writer_;
    bool any_ = false;
  };

  Labels Begin(const StatisticsView& view, std::string_view prefix, std::string_view name,
               std::string_view suffix) {
    out_ << "bartizan_" << prefix << name << suffix;
    return LabelsOf(view);
  }
  // Of a histogram.
  Labels BeginPart(const StatisticsView& view, std::string_view name, std::string_view unit,
                   std::string_view part) {
    out_ << "bartizan_" << name << unit << part;
    return LabelsOf(view);
  }
  Labels LabelsOf(const StatisticsView& view) {
    Labels labels(*this);
    if (labelled_) labels.Add("process", view.process).Add("program", view.program);
    return labels;
  }

  void Sample(const StatisticsView& view, std::string_view prefix, std::string_view name,
              std::string_view suffix, std::string_view label, std::string_view label_value,
              uint64_t value) {
    Labels labels = Begin(view, prefix, name, suffix);
    if (!label.empty()) labels.Add(label, label_value);
    labels.End();
    out_ << value << '\n';
  }

  void Info() {
    Head("", "info", "", "what protects the process; always 1", "gauge");
    for (size_t v = 0; v < count_; ++v) {
      const ProcessInfo& info = *views_[v].info;
      Labels labels = Begin(views_[v], "", "info", "");
      labels.Add("version", std::string_view(info.library_version))
          .Add("variant", std::string_view(info.variant))
          .Add("profile", std::string_view(info.profile))
          .End();
      out_ << "1\n";
    }
  }

  void Total(std::string_view prefix, const TotalSpec& spec, std::string_view type) {
    Head(prefix, spec.name, "", spec.help, type);
    for (size_t v = 0; v < count_; ++v) {
      Sample(views_[v], prefix, spec.name, "", "", "", spec.value(*views_[v].statistics));
    }
  }

  template <class Value>
  void Plain(std::string_view name, std::string_view help, Value value) {
    Head("", name, "_total", help, "counter");
    for (size_t v = 0; v < count_; ++v) {
      Sample(views_[v], "", name, "_total", "", "", value(*views_[v].statistics));
    }
  }

  void Resident() {
    bool any = false;
    for (size_t v = 0; v < count_; ++v) {
      if (!views_[v].knows_resident) continue;
      if (!any) Head("", "resident_bytes", "", "the allocator's memory that is in RAM", "gauge");
      any = true;
      Sample(views_[v], "", "resident_bytes", "", "", "", views_[v].resident_bytes);
    }
  }

  void Class(const ClassSpec& spec) {
    Head("class_", spec.name, "", spec.help, "gauge");
    for (size_t v = 0; v < count_; ++v) {
      for (ClassId id = 0; id < kClasses; ++id) {
        const ClassStatistics& of = views_[v].statistics->classes[id];
        if (!IsUsed(of)) continue;
        Labels labels = Begin(views_[v], "class_", spec.name, "");
        labels.Add("slot_bytes", uint64_t{id == kZeroClass ? 0 : kClassBytes[id]}).End();
        out_ << spec.value(of) << '\n';
      }
    }
  }

  void Node(std::string_view name, std::string_view help, uint64_t NodeStatistics::* member) {
    Head("node_", name, "", help, "gauge");
    for (size_t v = 0; v < count_; ++v) {
      const EngineStatistics& statistics = *views_[v].statistics;
      for (uint32_t i = 0; i < statistics.nodes; ++i) {
        Labels labels = Begin(views_[v], "node_", name, "");
        labels.Add("node", static_cast<uint64_t>(statistics.node[i].number)).End();
        out_ << statistics.node[i].*member << '\n';
      }
    }
  }

  void Calls(std::string_view name, std::string_view help, bool failed) {
    Head("", name, "_total", help, "counter");
    for (size_t v = 0; v < count_; ++v) {
      for (size_t i = 0; i < platform::kSystemCalls; ++i) {
        const auto& call = views_[v].statistics->calls[i];
        Sample(views_[v], "", name, "_total", "call", platform::kSystemCallNames[i],
               failed ? call.failed : call.made);
      }
    }
  }

  void Catches() {
    Head("", "catches", "_total", "heap errors that were caught, by the layer that caught them",
         "counter");
    for (size_t v = 0; v < count_; ++v) {
      for (size_t i = 0; i < kCatchers; ++i) {
        Sample(views_[v], "", "catches", "_total", "layer", CatcherName(i),
               views_[v].statistics->catches[i]);
      }
    }
  }

  // A number of units of 10^-digits.
  void Decimal(uint64_t number, unsigned digits) {
    uint64_t unit = 1;
    for (unsigned i = 0; i < digits; ++i) unit *= 10;
    out_ << number / unit;
    if (digits == 0) return;
    out_ << '.';
    for (unit /= 10; unit != 0; unit /= 10) out_ << number / unit % 10;
  }

  void HistogramOf(Sampled what, std::string_view unit, unsigned digits) {
    const HistogramSpec& spec = SpecOf(what);
    Head("", spec.name, unit, spec.help, "histogram");
    for (size_t v = 0; v < count_; ++v) {
      // Of a process without samples, a hundred lines would say nothing.
      if (views_[v].statistics->Of(Sampled::kSize).count() == 0) continue;
      const HistogramStatistics& histogram = views_[v].statistics->Of(what);
      uint64_t up_to_here = 0;
      for (size_t i = 0; i < spec.buckets(); ++i) {
        up_to_here += histogram.blocks[i];
        Labels labels = BeginPart(views_[v], spec.name, unit, "_bucket");
        labels.Name("le");
        if (i + 1 < spec.buckets()) {
          Decimal(spec.BoundOf(i), digits);
        } else {
          out_ << "+Inf";
        }
        out_ << '"';
        labels.End();
        out_ << up_to_here << '\n';
      }
      BeginPart(views_[v], spec.name, unit, "_sum").End();
      Decimal(histogram.sum, digits);
      out_ << '\n';
      BeginPart(views_[v], spec.name, unit, "_count").End();
      out_ << up_to_here << '\n';
    }
  }

  const StatisticsView* const views_;
  const size_t count_;
  const bool labelled_;
  Output& out_;
};

}  // namespace

void WriteStatisticsPrometheus(const StatisticsView* views, size_t count, bool labelled,
                               Output& out) {
  Prometheus writer(views, count, labelled, out);
  writer.WriteGauges();
  writer.WriteCounters();
  writer.WriteSampling();
}

}  // namespace bartizan
