// The two forms of a report.
#ifndef BARTIZAN_SRC_REPORT_REPORT_TEXT_H_
#define BARTIZAN_SRC_REPORT_REPORT_TEXT_H_

#include <cstddef>
#include <string_view>

#include "src/base/text.h"
#include "src/base/violation.h"
#include "src/platform/stack_point.h"
#include "src/report/description.h"

namespace bartizan {

// A whole report; what does not fit is cut.
using ReportText = Text<size_t{96} * 1024>;

// What a report is made of.
struct Report {
  const Violation& violation;
  platform::StackPoint from;  // the access, or the call that found it
  std::string_view ending;    // what comes of it: "abort"
  Description description = {};
};

struct Frames;

// How a report is put together from parts, each of which may meet damaged memory: it is then left
// out, and what it had written so far.
class Parts {
 public:
  Parts(Report& report, ReportText& text) : report_(report), text_(text) {}

  using Part = void (Parts::*)();
  // False: it was left out.
  bool Add(Part part);

  // The first line, with its "\n". Reads nothing of the heap.
  void FirstLine();
  // All that follows, if anything; in colours for a terminal.
  void Details();
  void UseColours() { colours_ = true; }
  // One line of JSON, as docs/reports.schema.json describes it.
  void Json();

 private:
  void FindBlock();
  void WalkFrames(Frames* frames) const;
  static void FindFrames(uint32_t stack, Frames* frames);

  // report_text.cc
  void Headline(std::string_view word);
  void AccessText();
  void BlockText();
  void AllocationText();
  void FreeText();
  void NeighboursText();
  void EndText();
  void EventText(std::string_view word, const EventFacts& event);

  // report_json.cc
  void HeadJson();
  void AccessJson();
  void AccessStackJson();
  void BlockJson();
  void AllocationJson();
  void FreeJson();
  void NeighboursJson();
  void EventJson(std::string_view name, const EventFacts& event);
  void Incomplete(std::string_view part);

  Report& report_;
  ReportText& text_;
  bool colours_ = false;
  Text<128> incomplete_;
};

// A name that may hold anything, as one word of a line.
template <class Text>
void AppendForeignName(std::string_view name, Text& text) {
  for (char c : name) text << (c < ' ' || c == 0x7f ? '?' : c);
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_REPORT_TEXT_H_
