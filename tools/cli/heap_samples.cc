#include "tools/cli/heap_samples.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/metadata/stack_table.h"
#include "tools/cli/json_text.h"
#include "tools/cli/process_words.h"
#include "tools/cli/remote_memory.h"

namespace bartizan::cli {

HeapSamplesFinding ReadHeapSamples(pid_t process) {
  const ProcessInfoFinding found = FindProcessInfo(process);
  RemoteMemory memory(process);
  EngineRoots roots;
  const RootsFinding open = FindRoots(process, found, memory, &roots);
  if (open.reading != Reading::kDone) return {open.reading, open.message, {}};
  if ((found.info.layers_in_force & Bit(Toggle::kSampling)) == 0) {
    return {Reading::kNotProtected,
            absl::StrCat(Named(process),
                         " runs without sampling: nothing is known of its stacks; start it with "
                         "sampling=on, or by \"bartizan profile -- PROGRAM\""),
            {}};
  }
  HeapSamplesFinding result{.reading = Reading::kDone, .message = "", .samples = {}};
  result.samples.process = process;
  result.samples.program = ProcessName(process);
  const auto read = [&memory](uint64_t from, void* to, size_t bytes) {
    return memory.Read(from, to, bytes);
  };
  const auto add = [&result](const StackTable::Visited& stack) {
    if (stack.allocated_blocks == 0) return;
    result.samples.stacks.push_back({{stack.frames, stack.frames + stack.count},
                                     stack.allocated_blocks,
                                     stack.allocated_bytes,
                                     stack.freed_blocks,
                                     stack.freed_bytes});
  };
  std::vector<Mapping> mappings;
  if (!StackTable::VisitElsewhere(read, reinterpret_cast<uintptr_t>(roots.stacks), add) ||
      ReadMappings(process, &mappings) != 0) {
    return {Reading::kCannotTell,
            absl::StrCat(Named(process), ": its records cannot be read: try again"),
            {}};
  }
  std::copy_if(mappings.begin(), mappings.end(), std::back_inserter(result.samples.code),
               [](const Mapping& mapping) { return mapping.is_executable; });
  return result;
}

std::string HeapSamplesJson(const HeapSamples& samples) {
  const auto stack_json = [](std::string* out, const SampledStack& stack) {
    const auto frame_json = [](std::string* text, uint64_t frame) {
      absl::StrAppend(text, "\"0x", absl::Hex(frame), "\"");
    };
    absl::StrAppend(out, "{\"frames\": [", absl::StrJoin(stack.frames, ", ", frame_json),
                    "], \"allocated_blocks\": ", stack.allocated_blocks,
                    ", \"allocated_bytes\": ", stack.allocated_bytes,
                    ", \"freed_blocks\": ", stack.freed_blocks,
                    ", \"freed_bytes\": ", stack.freed_bytes, "}");
  };
  const auto code_json = [](std::string* out, const Mapping& mapping) {
    absl::StrAppend(out, "{\"begin\": \"0x", absl::Hex(mapping.begin), "\", \"end\": \"0x",
                    absl::Hex(mapping.end), "\", \"offset\": \"0x", absl::Hex(mapping.file_offset),
                    "\", \"path\": ", JsonText(mapping.path), "}");
  };
  return absl::StrCat("{\"process\": ", samples.process,
                      ", \"program\": ", JsonText(samples.program), ", \"stacks\": [",
                      absl::StrJoin(samples.stacks, ", ", stack_json), "], \"code\": [",
                      absl::StrJoin(samples.code, ", ", code_json), "]}\n");
}

}  // namespace bartizan::cli
