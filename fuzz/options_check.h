// What must hold of options, however they came about.
#ifndef BARTIZAN_FUZZ_OPTIONS_CHECK_H_
#define BARTIZAN_FUZZ_OPTIONS_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "src/options/options.h"

namespace fuzz {

// Receives messages, each of which must be one printable line.
class Messages {
 public:
  bartizan::MessageSink sink() { return {Receive, this}; }
  const std::vector<std::string>& all() const { return all_; }

 private:
  static void Receive(void* self, std::string_view line);

  std::vector<std::string> all_;
};

// Values within their bounds, layers that the library has, nothing without what it needs.
void CheckOptions(const bartizan::Options& options, const bartizan::LibraryLayers& library);

// The options as a text for the environment.
std::string Written(const bartizan::Options& options);

// Writing the options down and reading them again gives the same, without a message.
void CheckRoundTrip(const bartizan::Options& options, const bartizan::LibraryLayers& library);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_OPTIONS_CHECK_H_
