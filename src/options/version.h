// The version of this library, as programs and `bartizan status` see it.
#ifndef BARTIZAN_SRC_OPTIONS_VERSION_H_
#define BARTIZAN_SRC_OPTIONS_VERSION_H_

#include <string_view>

namespace bartizan {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_VERSION_H_
