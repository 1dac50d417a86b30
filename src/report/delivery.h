// Where texts about this process go.
#ifndef BARTIZAN_SRC_REPORT_DELIVERY_H_
#define BARTIZAN_SRC_REPORT_DELIVERY_H_

#include <string_view>

namespace bartizan {

// To the file of `report_file`, or where `report_to` says; where that does not work, to standard
// error, which says so.
void Deliver(std::string_view text);

// Whether that is a terminal.
bool DeliversToTerminal();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_DELIVERY_H_
