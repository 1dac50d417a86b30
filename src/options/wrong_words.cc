#include "src/options/wrong_words.h"

#include <span>

#include "src/base/text.h"
#include "src/options/nearest_name.h"

namespace bartizan {
namespace {

using Message = Text<512>;

// Longest piece of a foreign text that a message repeats.
constexpr size_t kQuotedBytes = 60;

// Foreign text, safe to show on a terminal.
Message& AppendForeign(Message& message, std::string_view text) {
  for (size_t i = 0; i < text.size() && i < kQuotedBytes; ++i) {
    message << (text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
  }
  if (text.size() > kQuotedBytes) message << "...";
  return message;
}

Message& Begin(Message& message, const Source& source, unsigned line) {
  message << "bartizan: " << source.name;
  if (line != 0) message << ':' << line;
  return message << ": ";
}

void AppendNumber(Message& message, OptionKind kind, uint64_t number) {
  if (kind != OptionKind::kBytes && kind != OptionKind::kSwitchOrBytes) {
    message << number;
  } else {
    message.Size(number);
  }
}

void AppendNames(Message& message, std::span<const std::string_view> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    message << (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") << names[i];
  }
}

void AppendExpected(Message& message, const OptionSpec& spec) {
  switch (spec.kind) {
    case OptionKind::kSwitch:
      message << "on or off";
      return;
    case OptionKind::kSwitchOrBytes:
      message << "on, off or a size from ";
      message.Size(spec.min) << " to ";
      message.Size(spec.max);
      return;
    case OptionKind::kSwitchOrCount:
      message << "on, off or a number from " << spec.min << " to " << spec.max;
      return;
    case OptionKind::kBytes:
      message << "a size from ";
      message.Size(spec.min) << " to ";
      message.Size(spec.max) << ", such as 64m";
      return;
    case OptionKind::kCount:
      message << "a number from " << spec.min << " to " << spec.max;
      return;
    case OptionKind::kMilliseconds:
      message << "milliseconds from " << spec.min << " to " << spec.max
              << ", such as 500, 500ms or 2s";
      return;
    case OptionKind::kPattern:
      message << "off, or a byte or word in hexadecimal, such as 0xa5 or 0xdeadbeef";
      return;
    case OptionKind::kProfile:
      return AppendNames(message, kProfileNames);
    case OptionKind::kChoice:
      return AppendNames(message, spec.choices);
    case OptionKind::kPath:
      message << "an absolute path of at most " << uint64_t{kPathBytes - 1} << " bytes";
      return;
    case OptionKind::kStatistics:
      message << "off, text or json, or one of these two with :/path, such as json:/tmp/%p.json "
                 "(in the environment json\\:/tmp/%p.json)";
      return;
  }
}

void AppendCurrent(Message& message, const OptionSpec& spec, const Options& options) {
  switch (spec.kind) {
    case OptionKind::kSwitch:
      message << ((spec.is_layer() ? options.Has(spec.toggle()) : options.*spec.flag) ? "on"
                                                                                      : "off");
      return;
    case OptionKind::kSwitchOrBytes:
    case OptionKind::kSwitchOrCount:
      if (options.*spec.number == 0) {
        message << "off";
        return;
      }
      [[fallthrough]];
    case OptionKind::kBytes:
    case OptionKind::kCount:
    case OptionKind::kMilliseconds:
      AppendNumber(message, spec.kind, options.*spec.number);
      return;
    case OptionKind::kPattern:
      if (options.*spec.number == 0) {
        message << "off";
      } else {
        message.Hex(options.*spec.number);
      }
      return;
    case OptionKind::kProfile:
      message << NameOf(options.profile);
      return;
    case OptionKind::kChoice:
      message << spec.choices[options.*spec.number];
      return;
    case OptionKind::kPath:
    case OptionKind::kStatistics: {
      // It came from a text like the word that is wrong.
      const char* text = options.*spec.text;
      AppendForeign(message, text[0] == '\0' ? "unset" : text);
      return;
    }
  }
}

}  // namespace

void ReportBadSection(const Source& source, const Word& word, const MessageSink& messages) {
  Message message;
  Begin(message, source, word.line) << '\'';
  AppendForeign(message, word.name)
      << "': expected [program] or [*]; ignoring what follows, up to the next section";
  messages(message.view());
}

void ReportMissingName(const Source& source, const Word& word, const MessageSink& messages) {
  Message message;
  Begin(message, source, word.line) << "'=";
  AppendForeign(message, word.value) << "': the name of an option is missing";
  messages(message.view());
}

void ReportUnknownOption(const Source& source, const Word& word, const MessageSink& messages) {
  NearestName nearest(word.name);
  for (const OptionSpec& spec : kOptionTable) nearest.Offer(spec.name);
  Message message;
  Begin(message, source, word.line) << "unknown option '";
  AppendForeign(message, word.name) << '\'';
  if (nearest.name().empty()) {
    message << "; \"bartizan options\" lists them";
  } else {
    message << "; did you mean '" << nearest.name() << "'?";
  }
  messages(message.view());
}

void ReportValue(const Source& source, const Word& word, const OptionSpec& spec,
                 const Options& options, const MessageSink& messages) {
  Message message;
  Begin(message, source, word.line) << spec.name;
  if (word.has_value) AppendForeign(message << '=', word.value);
  AppendExpected(message << ": expected ", spec);
  const std::span<const std::string_view> names =
      spec.kind == OptionKind::kProfile ? kProfileNames : spec.choices;
  if (!names.empty()) {
    NearestName nearest(word.value);
    for (std::string_view name : names) nearest.Offer(name);
    if (!nearest.name().empty()) message << " (did you mean '" << nearest.name() << "'?)";
  }
  if (source.kind != SourceKind::kCommandLine) {
    AppendCurrent(message << "; it stays ", spec, options);
  }
  messages(message.view());
}

void ReportNotBuiltIn(const Source& source, unsigned line, std::string_view what,
                      std::string_view name, std::string_view library,
                      const MessageSink& messages) {
  Message message;
  Begin(message, source, line) << what << ' ' << name << " is not built into " << library
                               << "; use " << kDynamicLibrary.library;
  messages(message.view());
}

void ReportMissingLayers(const Source& source, unsigned line, const OptionSpec& spec,
                         uint64_t missing, const MessageSink& messages) {
  Message message;
  Begin(message, source, line) << spec.name << " needs ";
  bool first = true;
  for (size_t i = 0; i < kToggleCount; ++i) {
    const Toggle toggle = static_cast<Toggle>(i);
    if ((missing & Bit(toggle)) == 0) continue;
    message << (first ? "" : " and ") << NameOf(toggle);
    first = false;
  }
  message << ", which is off; it is turned off too";
  messages(message.view());
}

}  // namespace bartizan
