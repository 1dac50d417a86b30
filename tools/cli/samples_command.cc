// bartizan samples: what the heap of a process holds and held, by stack, as JSON.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "tools/cli/command.h"
#include "tools/cli/heap_samples.h"
#include "tools/cli/traced_program.h"

ABSL_FLAG(int, process, 0, "of this process, now");
ABSL_FLAG(std::string, json_file, "", "write to this file, not to standard output");

namespace bartizan::cli {
namespace {

constexpr int kNotProtectedCode = 1;
constexpr int kCannotTellCode = 2;
constexpr int kSignalCode = 128;  // and the signal's number, as shells have it

int Write(const HeapSamples& samples) {
  const std::string path = absl::GetFlag(FLAGS_json_file);
  const std::string text = HeapSamplesJson(samples);
  if (path.empty()) {
    std::fputs(text.c_str(), stdout);
    return kSuccess;
  }
  std::FILE* const file = std::fopen(path.c_str(), "we");
  const bool written = file != nullptr && std::fputs(text.c_str(), file) >= 0;
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed) return kSuccess;
  Complain(absl::StrCat("samples: ", path, ": ", std::strerror(errno)));
  return kCannotTellCode;
}

int OfProcess(pid_t process) {
  const HeapSamplesFinding found = ReadHeapSamples(process);
  if (found.reading == Reading::kDone) return Write(found.samples);
  Complain(absl::StrCat("samples: ", found.message));
  return found.reading == Reading::kNotProtected ? kNotProtectedCode : kCannotTellCode;
}

int OfProgram(const std::vector<std::string>& words) {
  HeapSamplesFinding last;
  last.message = "the program ended before it could be looked at";
  const TracedEnd end = RunTraced(words, [&last](pid_t process) {
    HeapSamplesFinding found = ReadHeapSamples(process);
    if (found.reading == Reading::kDone || last.reading != Reading::kDone) last = std::move(found);
  });
  if (!end.problem.empty()) {
    Complain(absl::StrCat("samples: ", words[0], ": ", end.problem));
    return kCannotRun;
  }
  const int code =
      WIFSIGNALED(end.status) ? kSignalCode + WTERMSIG(end.status) : WEXITSTATUS(end.status);
  if (last.reading != Reading::kDone) {
    Complain(absl::StrCat("samples: ", last.message));
    return code == kSuccess ? kNotProtectedCode : code;
  }
  const int written = Write(last.samples);
  return code == kSuccess ? written : code;
}

int Samples(const std::vector<std::string>& words) {
  const int process = absl::GetFlag(FLAGS_process);
  if (words.empty() == (process <= 0)) {
    Complain("samples: one program, or --process=PID\nTry: bartizan help samples");
    return kWrongUse;
  }
  return process > 0 ? OfProcess(process) : OfProgram(words);
}

}  // namespace

const Command kSamplesCommand = {
    .name = "samples",
    .usage = "[--json_file=FILE] (--process=PID | [--] PROGRAM [ARGS])",
    .summary = "what a process has allocated, by stack, as JSON",
    .description =
        "For tools; \"bartizan profile\" makes of it what people look at. Blocks and bytes are\n"
        "estimates from the samples of the layer sampling. Frames are addresses inside of calls,\n"
        "innermost first; an entry without frames is what is known of no stack.\n"
        "\n"
        "Of a program that is started, everything that it has allocated until it ends, is\n"
        "interrupted or crashes; the programs that it starts do not count. It is started as it "
        "is:\n"
        "  bartizan samples --json_file=samples.json -- bartizan run --set=sampling=on -- program\n"
        "\n"
        "exit codes: of a process, 0 written, 1 not protected or without sampling, 2 cannot tell;\n"
        "of a program, its own, or 128 and the number of the signal that ended it; 126 it cannot\n"
        "be run or traced",
    .flags = {"process", "json_file"},
    .takes_program = true,
    .run = Samples,
};

}  // namespace bartizan::cli
