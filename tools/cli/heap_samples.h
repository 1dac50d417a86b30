// The samples of another process's heap, by the stack that allocated them.
#ifndef BARTIZAN_TOOLS_CLI_HEAP_SAMPLES_H_
#define BARTIZAN_TOOLS_CLI_HEAP_SAMPLES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/cli/process_memory.h"
#include "tools/cli/process_statistics.h"

namespace bartizan::cli {

struct SampledStack {
  // Innermost first; empty: all whose stacks are not known.
  std::vector<uint64_t> frames;
  uint64_t allocated_blocks;
  uint64_t allocated_bytes;
  uint64_t freed_blocks;
  uint64_t freed_bytes;
};

struct HeapSamples {
  pid_t process = 0;
  std::string program;
  std::vector<SampledStack> stacks;
  std::vector<Mapping> code;
};

struct HeapSamplesFinding {
  Reading reading = Reading::kCannotTell;
  // Without "bartizan: COMMAND: "; empty when all is well.
  std::string message;
  HeapSamples samples;
};

HeapSamplesFinding ReadHeapSamples(pid_t process);

// As JSON, in one line.
std::string HeapSamplesJson(const HeapSamples& samples);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_HEAP_SAMPLES_H_
