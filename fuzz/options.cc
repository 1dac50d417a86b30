// Options from any text: what comes out is an options page that the library can live with, every
// mistake has one printable message that says where it is, and writing the result down and reading
// it again changes nothing.
#include "src/options/options.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/harness/check.h"
#include "fuzz/harness/input.h"
#include "fuzz/options_check.h"

namespace fuzz {
namespace {

using bartizan::Options;
using bartizan::OptionTexts;

void Run(Input& input) {
  const bartizan::LibraryLayers& library =
      input.Flag() ? bartizan::kFastLibrary : bartizan::kDynamicLibrary;
  const std::string environment(input.Rest());
  const OptionTexts texts{.environment = environment, .program = "program"};
  Messages messages;
  const Options options = bartizan::ReadOptions(texts, library, messages.sink());
  CheckOptions(options, library);
  for (const std::string& message : messages.all()) {
    FUZZ_CHECK(message.starts_with("bartizan: BARTIZAN_OPTIONS: "), "not located: %s",
               message.c_str());
  }
  // No more messages than words, and two for a word that is in vain.
  const auto words = static_cast<size_t>(std::ranges::count(environment, ':')) + 1;
  FUZZ_CHECK(messages.all().size() <= words + bartizan::kOptionCount, "%zu messages for %zu words",
             messages.all().size(), words);
  CheckRoundTrip(options, library);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
