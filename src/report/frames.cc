#include "src/report/frames.h"

#include <string_view>

#include "src/options/sealed_page.h"
#include "src/report/output.h"
#include "src/report/stack_text.h"

namespace bartizan {
namespace {

void Append(void* text, std::string_view part) { *static_cast<ReportText*>(text) << part; }

}  // namespace

void AppendFramesText(const Frames& frames, ReportText& text) {
  Output out(Append, &text);
  WriteStack(out, frames.code, frames.count, OptionsInForce().report_symbols);
}

void AppendFramesJson(const Frames& frames, ReportText& text) {
  Output out(Append, &text);
  WriteStackJson(out, frames.code, frames.count, OptionsInForce().report_symbols);
}

}  // namespace bartizan
