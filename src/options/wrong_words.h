// The messages about words that are wrong: which, where, and what would be right. One line each.
#ifndef BARTIZAN_SRC_OPTIONS_WRONG_WORDS_H_
#define BARTIZAN_SRC_OPTIONS_WRONG_WORDS_H_

#include <cstdint>
#include <string_view>

#include "src/options/options.h"
#include "src/options/words.h"

namespace bartizan {

// "'[nginx': expected [program] or [*]; ..."
void ReportBadSection(const Source& source, const Word& word, const MessageSink& messages);

// "'=on': the name of an option is missing"
void ReportMissingName(const Source& source, const Word& word, const MessageSink& messages);

// "unknown option 'quarantin'; did you mean 'quarantine'?"
void ReportUnknownOption(const Source& source, const Word& word, const MessageSink& messages);

// "decay=soon: expected milliseconds ...; it stays 1000"
void ReportValue(const Source& source, const Word& word, const OptionSpec& spec,
                 const Options& options, const MessageSink& messages);

// "layer quarantine is not built into libbartizan-fast.so; use libbartizan.so". `what` is "layer"
// or "profile".
void ReportNotBuiltIn(const Source& source, unsigned line, std::string_view what,
                      std::string_view name, std::string_view library, const MessageSink& messages);

// "reuse_check needs zero_on_free, which is off; it is turned off too". `missing` are layers' bits.
void ReportMissingLayers(const Source& source, unsigned line, const OptionSpec& spec,
                         uint64_t missing, const MessageSink& messages);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_WRONG_WORDS_H_
