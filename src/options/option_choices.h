// What may be chosen of an option that is a choice; its number is the place among the names.
#ifndef BARTIZAN_SRC_OPTIONS_OPTION_CHOICES_H_
#define BARTIZAN_SRC_OPTIONS_OPTION_CHOICES_H_

#include <cstdint>
#include <string_view>

namespace bartizan {

// Which end of a block with pages of its own lies against a guard.
enum class SampleSide : uint8_t { kRight, kLeft, kAlternate };
inline constexpr std::string_view kSampleSides[] = {"right", "left", "alternate"};

// How stacks are found; the numbers are their places among the names.
inline constexpr std::string_view kStackChoices[] = {"off", "fp", "tables"};
inline constexpr uint64_t kStacksOff = 0;
inline constexpr uint64_t kStacksByFramePointer = 1;
inline constexpr uint64_t kStacksByTables = 2;
inline constexpr uint64_t kMostStackDepth = 64;

// The form of reports, where they go, and what comes after them.
inline constexpr std::string_view kReportFormats[] = {"text", "json"};
inline constexpr uint64_t kReportJson = 1;
inline constexpr std::string_view kReportTargets[] = {"stderr", "journal"};
inline constexpr uint64_t kReportToJournal = 1;
inline constexpr std::string_view kErrorEndings[] = {"abort", "exit", "continue"};
inline constexpr uint64_t kOnErrorExit = 1;
inline constexpr uint64_t kOnErrorContinue = 2;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_OPTION_CHOICES_H_
