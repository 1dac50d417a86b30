// The system journal, by its own protocol (systemd, "Native Journal Protocol").
#ifndef BARTIZAN_SRC_PLATFORM_JOURNAL_H_
#define BARTIZAN_SRC_PLATFORM_JOURNAL_H_

#include <string_view>

namespace bartizan::platform {

inline constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

// Sends one entry of that text (it may have several lines) as a critical one. False when nobody
// takes it now. `socket`: kJournalSocket.
bool SendToJournal(const char* socket, std::string_view text);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_JOURNAL_H_
