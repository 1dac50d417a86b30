// Statistics in every form, of invented processes.
#include "src/report/statistics_writer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/support/json.h"
#include "tests/support/xml.h"

namespace bartizan {
namespace {

void Append(void* text, std::string_view part) { static_cast<std::string*>(text)->append(part); }

bool InventedHeap(void*, HeapId id, HeapStatistics* out) {
  *out = {};
  out->id = id;
  out->attached = id == 1;
  out->cached_bytes = 1000 * id;
  out->counters[0] = 7;
  return id != 2;  // one that cannot be read
}

class Invented : public testing::Test {
 protected:
  Invented() {
    std::strcpy(info_.library_version, "1.2.3");
    std::strcpy(info_.variant, "dynamic");
    std::strcpy(info_.profile, "hardened");
    std::strcpy(info_.layer_names, "guard_pages canaries");
    info_.layers_in_force = 2;
    ClassStatistics& of = statistics_.classes[1];
    of.live_blocks = 5;
    of.live_bytes = 60;
    of.committed_bytes = 4096;
    of.idle_bytes = 1024;
    of.partly_used_slabs = 1;
    statistics_.small_live_blocks = 5;
    statistics_.small_live_bytes = 60;
    statistics_.nodes = 1;
    statistics_.counters[0] = 11;
    statistics_.calls[0] = {3, 1};
  }
  StatisticsView View() {
    return {.statistics = &statistics_,
            .info = &info_,
            .heaps = {InventedHeap, nullptr, 4},
            .process = 42,
            .program = program_};
  }
  std::string Json() { return Written(WriteStatisticsJson, View()); }
  std::string Prometheus() {
    const StatisticsView view = View();
    std::string text;
    {
      Output out(Append, &text);
      WriteStatisticsPrometheus(&view, 1, false, out);
    }
    return text;
  }
  static std::string Written(void (*form)(const StatisticsView&, Output&),
                             const StatisticsView& view) {
    std::string text;
    {
      Output out(Append, &text);
      form(view, out);
    }
    return text;
  }

  ProcessInfo info_ = {};
  EngineStatistics statistics_ = {};
  std::string program_ = "program";
};

TEST_F(Invented, JsonIsStrictAndHasWhatWasFound) {
  const std::string json = Json();
  EXPECT_EQ(test::JsonMistake(json.c_str()), nullptr) << json;
  for (const char* part : {R"("process":{"id":42,"program":"program"})", R"("layers":["canaries"])",
                           R"("fragmentation":0.2500)", R"("complete":true)", R"("refills":11)",
                           R"("mmap":{"made":3,"failed":1})", R"("id":1,"attached":true)",
                           R"("id":3,"attached":false)"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " is not in " << json;
  }
  EXPECT_EQ(json.find(R"("id":2,)"), std::string::npos) << "a heap that could not be read";
  EXPECT_EQ(json.find("resident_bytes"), std::string::npos);
}

TEST_F(Invented, AnyProgramNameGivesValidTexts) {
  program_.clear();
  for (int c = 255; c > 0; --c) program_ += static_cast<char>(c);
  EXPECT_EQ(test::JsonMistake(Json().c_str()), nullptr) << Json();
  const StatisticsView views[] = {View(), View()};
  std::string text;
  {
    Output out(Append, &text);
    WriteStatisticsPrometheus(views, 2, true, out);
  }
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 0x7f));
}

TEST_F(Invented, JsonWithoutAnythingIsValid) {
  statistics_ = {};
  info_ = {};
  EXPECT_EQ(test::JsonMistake(Json().c_str()), nullptr) << Json();
}

TEST_F(Invented, IncompleteIsSaid) {
  statistics_.incomplete = true;
  EXPECT_NE(Json().find(R"("complete":false)"), std::string::npos);
  EXPECT_NE(Written(WriteStatisticsText, View()).find("incomplete"), std::string::npos);
}

TEST_F(Invented, PrometheusNamesEachMetricOnce) {
  StatisticsView views[] = {View(), View()};
  views[1].process = 43;
  views[1].knows_resident = true;
  views[1].resident_bytes = 99;
  std::string text;
  {
    Output out(Append, &text);
    WriteStatisticsPrometheus(views, 2, true, out);
  }
  const auto count = [&text](const std::string& part) {
    size_t found = 0;
    for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("# TYPE bartizan_live_bytes gauge\n"), 1u);
  EXPECT_EQ(count("bartizan_live_bytes{process=\"42\",program=\"program\"} 60\n"), 1u);
  EXPECT_EQ(count("bartizan_live_bytes{process=\"43\",program=\"program\"} 60\n"), 1u);
  EXPECT_EQ(count("bartizan_refills_total{"), 2u);
  EXPECT_EQ(count("bartizan_resident_bytes{process=\"43\",program=\"program\"} 99\n"), 1u);
  EXPECT_EQ(count("bartizan_resident_bytes{"), 1u);
  EXPECT_EQ(count("slot_bytes=\"16\"} 5\n"), 2u);
  EXPECT_EQ(count("call=\"mmap\"} 3\n"), 2u);
}

TEST_F(Invented, CatchesAreSaidInEveryForm) {
  EXPECT_EQ(Written(WriteStatisticsText, View()).find("HEAP ERRORS"), std::string::npos);
  statistics_.catches[static_cast<size_t>(Toggle::kSizeCheck)] = 3;
  statistics_.catches[kToggleCount] = 2;
  const std::string json = Json();
  EXPECT_NE(json.find(R"("catches":{"guard_pages":0,)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("size_check":3,)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("always_on":2})"), std::string::npos) << json;
  const std::string text = Written(WriteStatisticsText, View());
  EXPECT_NE(text.find("\n  HEAP ERRORS were caught, and the process has gone on: 3 by size_check 2 "
                      "by always_on\n"),
            std::string::npos)
      << text;
  const std::string prometheus = Prometheus();
  EXPECT_NE(prometheus.find("# TYPE bartizan_catches_total counter\n"), std::string::npos);
  EXPECT_NE(prometheus.find("bartizan_catches_total{layer=\"size_check\"} 3\n"), std::string::npos);
}

TEST_F(Invented, HandlesAreSaidWhereThereAreAny) {
  EXPECT_EQ(Written(WriteStatisticsText, View()).find("handles:"), std::string::npos);
  statistics_.handles.live = 7;
  statistics_.handles.pins = 3;
  statistics_.handles.retired = 2;
  statistics_.handles.entries = 12;
  EXPECT_NE(Json().find(R"("handles":{"live":7,"pins":3,"pinned_after_free":0,"retired":2,)"),
            std::string::npos)
      << Json();
  EXPECT_NE(Written(WriteStatisticsText, View()).find("handles:\n"), std::string::npos);
  EXPECT_NE(Prometheus().find("bartizan_handle_retired 2\n"), std::string::npos);
}

// Three blocks of up to 16 bytes, one beyond the last bound; one that lived for 1.5 seconds.
TEST_F(Invented, HistogramsOfSamples) {
  EXPECT_EQ(Prometheus().find("_bucket"), std::string::npos) << "there are none";
  EXPECT_EQ(Written(WriteStatisticsText, View()).find("block_size"), std::string::npos);
  const HistogramSpec& sizes = SpecOf(Sampled::kSize);
  HistogramStatistics& size = statistics_.histograms[static_cast<size_t>(Sampled::kSize)];
  size.blocks[0] = 3;
  size.blocks[sizes.buckets() - 1] = 1;
  size.sum = 5'000'000'048;
  HistogramStatistics& time = statistics_.histograms[static_cast<size_t>(Sampled::kLifetime)];
  time.blocks[SpecOf(Sampled::kLifetime).BucketOf(1'500'000)] = 1;
  time.sum = 1'500'000;
  const std::string json = Json();
  EXPECT_EQ(test::JsonMistake(json.c_str()), nullptr) << json;
  EXPECT_NE(json.find(R"("block_size":{"unit":"bytes","count":4,"sum":5000000048,"buckets":[)"
                      R"({"up_to":16,"count":3},{"count":1}]})"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("buckets":[{"up_to":2097152,"count":1}]})"), std::string::npos) << json;
  const std::string text = Written(WriteStatisticsText, View());
  EXPECT_NE(text.find("     up to 16               3   75%\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  more than 4g               1   25%\n"), std::string::npos) << text;
  const std::string prometheus = Prometheus();
  for (const char* line :
       {"# TYPE bartizan_block_size_bytes histogram",
        R"(bartizan_block_size_bytes_bucket{le="16"} 3)",
        R"(bartizan_block_size_bytes_bucket{le="4294967296"} 3)",
        R"(bartizan_block_size_bytes_bucket{le="+Inf"} 4)",
        "bartizan_block_size_bytes_sum 5000000048", "bartizan_block_size_bytes_count 4",
        R"(bartizan_block_lifetime_seconds_bucket{le="1.048576"} 0)",
        R"(bartizan_block_lifetime_seconds_bucket{le="2.097152"} 1)",
        "bartizan_block_lifetime_seconds_sum 1.500000",
        "bartizan_block_lifetime_operations_count 0"}) {
    EXPECT_NE(prometheus.find(std::string(line) + '\n'), std::string::npos)
        << line << " is not in " << prometheus;
  }
}

TEST_F(Invented, XmlIsWellFormed) {
  const std::string xml = Written(WriteStatisticsXml, View());
  EXPECT_EQ(test::XmlMistake(xml.c_str()), nullptr) << xml;
  EXPECT_NE(xml.find("<size from=\"1\" to=\"16\""), std::string::npos);
}

TEST_F(Invented, TheTextShowsClassesInUse) {
  const std::string text = Written(WriteStatisticsText, View());
  EXPECT_NE(text.find("process 42 (program)"), std::string::npos);
  EXPECT_NE(text.find("25%"), std::string::npos) << text;
  EXPECT_EQ(text.find("degraded"), std::string::npos);
  statistics_.guarded = 1;
  statistics_.unguarded_slabs = 3;
  EXPECT_NE(Written(WriteStatisticsText, View()).find("degraded"), std::string::npos);
}

// --- Output -------------------------------------------------------------------------------------

std::string Share(uint64_t part, uint64_t whole) {
  std::string text;
  Output(Append, &text).Share(part, whole);
  return text;
}

TEST(Output, SharesAreNumbersFromZeroToOne) {
  EXPECT_EQ(Share(0, 0), "0.0000");
  EXPECT_EQ(Share(1, 3), "0.3333");
  EXPECT_EQ(Share(9999, 10000), "0.9999");
  EXPECT_EQ(Share(5, 5), "1.0000");
  EXPECT_EQ(Share(7, 5), "1.0000");
  EXPECT_EQ(Share(uint64_t{1} << 62, uint64_t{1} << 63), "0.5000");
  EXPECT_EQ(Share(0, UINT64_MAX), "0.0000");
}

TEST(Output, ABufferIsFilledAsSnprintfDoes) {
  const std::string whole(1500, 'x');
  for (const size_t size : {0u, 1u, 2u, 511u, 512u, 513u, 1500u, 1501u, 2000u}) {
    std::vector<char> buffer(size + 8, 'a');
    BufferReceiver receiver(buffer.data(), size);
    {
      Output(BufferReceiver::Receive, &receiver) << whole;
    }
    EXPECT_EQ(receiver.length(), whole.size());
    for (size_t i = size; i < buffer.size(); ++i) ASSERT_EQ(buffer[i], 'a');
    if (size != 0) EXPECT_EQ(std::strlen(buffer.data()), std::min(size - 1, whole.size()));
  }
}

}  // namespace
}  // namespace bartizan
