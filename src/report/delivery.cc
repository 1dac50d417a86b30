#include "src/report/delivery.h"

#include "src/options/options.h"
#include "src/options/sealed_page.h"
#include "src/platform/file.h"
#include "src/platform/journal.h"
#include "src/platform/process.h"

namespace bartizan {
namespace {

bool DeliverToFile(const char* configured, std::string_view text) {
  ExpandedPath path;
  ExpandProcessId(configured, platform::ProcessId(), path);
  const int file = platform::OpenForAppend(path.c_str());
  const bool written = file >= 0 && platform::WriteAll(file, text);
  if (file >= 0) platform::Close(file);
  if (!written) {
    platform::WriteAll(platform::kStandardError, "bartizan: cannot write to report_file\n");
  }
  return written;
}

bool DeliverToJournal(std::string_view text) {
  const bool sent = platform::SendToJournal(platform::kJournalSocket, text);
  if (!sent) {
    platform::WriteAll(platform::kStandardError, "bartizan: cannot write to the journal\n");
  }
  return sent;
}

bool GoesToJournal() { return OptionsInForce().report_to == kReportToJournal; }

}  // namespace

void Deliver(std::string_view text) {
  const char* file = OptionsInForce().report_file;
  if (file[0] != '\0') {
    if (DeliverToFile(file, text)) return;
  } else if (GoesToJournal()) {
    if (DeliverToJournal(text)) return;
  }
  platform::WriteAll(platform::kStandardError, text);
}

bool DeliversToTerminal() {
  return OptionsInForce().report_file[0] == '\0' && !GoesToJournal() &&
         platform::IsTerminal(platform::kStandardError);
}

}  // namespace bartizan
