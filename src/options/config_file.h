// The configuration file, if it can be trusted.
#ifndef BARTIZAN_SRC_OPTIONS_CONFIG_FILE_H_
#define BARTIZAN_SRC_OPTIONS_CONFIG_FILE_H_

#include <cstddef>
#include <string_view>

#include "src/options/options.h"

namespace bartizan {

// The text of the file, read into `buffer`. Empty when there is no such file, which is no mistake,
// and when it is ignored, which is told: because somebody other than root may have written it, it
// is larger than the buffer, or it cannot be read.
std::string_view ReadConfigFile(const char* path, char* buffer, size_t capacity,
                                const MessageSink& messages);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_CONFIG_FILE_H_
