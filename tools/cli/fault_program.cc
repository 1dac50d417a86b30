#include "tools/cli/fault_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/cli/companion_file.h"

namespace bartizan::cli {
namespace {

constexpr absl::string_view kReportBegins = "bartizan: fatal: ";
// A fault takes milliseconds, racing ones a second, on a machine that is busy more.
constexpr std::chrono::seconds kPatience{30};
// More than any of our programs says.
constexpr size_t kMostOutput = 64 << 10;
// The exit statuses of the program, beside signals.
constexpr int kHarmlessStatus = 0;
constexpr int kUnnoticedStatus = 3;
constexpr int kInapplicableStatus = 4;
// What a child exits with that could not become the program.
constexpr int kNoProgram = 127;

// In the child, which becomes the program with these as its standard streams (-1: ours).
[[noreturn]] void Become(const std::string& program, const std::vector<std::string>& arguments,
                         const FaultEnvironment& environment, const int (&streams)[3]) {
  for (int i = 0; i < 3; ++i) {
    if (streams[i] >= 0) dup2(streams[i], i);
  }
  setenv("LD_PRELOAD", environment.preload.c_str(), 1);
  setenv("BARTIZAN_OPTIONS", environment.options.c_str(), 1);
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  _exit(kNoProgram);
}

// Appends what there is to read; false at the end.
bool ReadSome(int descriptor, std::string& text) {
  char buffer[4096];
  const ssize_t count = read(descriptor, buffer, sizeof buffer);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  if (text.size() < kMostOutput) text.append(buffer, static_cast<size_t>(count));
  return count > 0;
}

// Both pipes to their ends. False when that takes too long.
bool ReadBoth(const int (&pipes)[2], std::string (&texts)[2]) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  pollfd waiting[2] = {{pipes[0], POLLIN, 0}, {pipes[1], POLLIN, 0}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (poll(waiting, 2, static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
    for (int i = 0; i < 2; ++i) {
      if (waiting[i].fd >= 0 && waiting[i].revents != 0 && !ReadSome(pipes[i], texts[i])) {
        waiting[i].fd = -1;
      }
    }
  }
  return true;
}

int WaitFor(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

// What the last line that begins with `word` says behind it.
std::string LastOf(absl::string_view output, absl::string_view word) {
  std::string found;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    if (absl::ConsumePrefix(&line, absl::StrCat(word, " "))) found = std::string(line);
  }
  return found;
}

FaultRun Broken(std::string moment, std::string message) {
  return {Ending::kBroken, std::move(moment), std::move(message)};
}

FaultRun EndedBySignal(int signal, std::string moment, absl::string_view errors) {
  std::string report;
  for (absl::string_view line : absl::StrSplit(errors, '\n')) {
    if (report.empty() && absl::ConsumePrefix(&line, kReportBegins)) report = std::string(line);
  }
  if (signal == SIGABRT && !report.empty()) {
    // No access ends like this by itself: it was a function that looked at it.
    if (moment == "access") moment = "call";
    return {Ending::kReported, std::move(moment), std::move(report)};
  }
  const std::string name = absl::StrCat("SIG", sigabbrev_np(signal));
  if ((signal == SIGSEGV || signal == SIGBUS) && moment == "access") {
    return {Ending::kGuarded, std::move(moment), absl::StrCat(name, " at the access")};
  }
  return Broken(std::move(moment), absl::StrCat("the program ended by ", name));
}

}  // namespace

FaultProgramLocation LocateFaultProgram(absl::string_view requested,
                                        absl::string_view command_path) {
  FaultProgramLocation location;
  const std::vector<std::string> candidates =
      requested.empty() ? CompanionCandidates("bartizan-faults", "faults", command_path)
                        : std::vector<std::string>{std::string(requested)};
  location.path = FirstExisting(candidates);
  if (!location.path.empty()) {
    if (access(location.path.c_str(), X_OK) != 0) {
      location.problem = absl::StrCat(location.path, ": ", std::strerror(errno));
    }
  } else if (requested.empty()) {
    location.problem =
        absl::StrCat("the program that commits the faults is not where it should be: ",
                     absl::StrJoin(candidates, ", "),
                     "; build it (bazel build //tools/faults:bartizan-faults) or "
                     "name it with --faults=PATH");
  } else {
    location.problem = absl::StrCat("--faults=", requested, ": ", std::strerror(errno));
  }
  return location;
}

FaultRun ReadFaultRun(int status, absl::string_view output, absl::string_view errors) {
  std::string moment = LastOf(output, "at");
  if (moment.empty()) moment = "start";
  if (WIFSIGNALED(status)) return EndedBySignal(WTERMSIG(status), std::move(moment), errors);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  struct {
    int code;
    Ending ending;
    absl::string_view word;
  } const endings[] = {{kHarmlessStatus, Ending::kHarmless, "answered"},
                       {kUnnoticedStatus, Ending::kUnnoticed, "unnoticed"},
                       {kInapplicableStatus, Ending::kInapplicable, "inapplicable"}};
  for (const auto& known : endings) {
    std::string said = LastOf(output, known.word);
    if (known.code == code && !said.empty()) return {known.ending, moment, std::move(said)};
  }
  return Broken(std::move(moment), absl::StrCat("the program ended with exit status ", code));
}

FaultRun RunFault(const std::string& program, const std::vector<std::string>& arguments,
                  const FaultEnvironment& environment) {
  int output[2];
  int errors[2];
  if (pipe2(output, O_CLOEXEC) != 0) return Broken("start", std::strerror(errno));
  if (pipe2(errors, O_CLOEXEC) != 0) {
    const int error = errno;
    close(output[0]);
    close(output[1]);
    return Broken("start", std::strerror(error));
  }
  const pid_t process = fork();
  if (process == 0) Become(program, arguments, environment, {-1, output[1], errors[1]});
  const int fork_error = errno;
  close(output[1]);
  close(errors[1]);
  std::string texts[2];
  const bool ended = process > 0 && ReadBoth({output[0], errors[0]}, texts);
  close(output[0]);
  close(errors[0]);
  if (process < 0) return Broken("start", std::strerror(fork_error));
  if (!ended) kill(process, SIGKILL);
  const int status = WaitFor(process);
  if (!ended) {
    return Broken(LastOf(texts[0], "at"),
                  absl::StrCat("the program hung for ", kPatience.count(), " s"));
  }
  return ReadFaultRun(status, texts[0], texts[1]);
}

WaitingProgram::WaitingProgram(const std::string& program, const FaultEnvironment& environment) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0) return;
  if (pipe2(output, O_CLOEXEC) != 0) {
    close(input[0]);
    close(input[1]);
    return;
  }
  process_ = fork();
  if (process_ == 0) Become(program, {"--wait"}, environment, {input[0], output[1], -1});
  close(input[0]);
  close(output[1]);
  input_ = input[1];
  pollfd waiting = {output[0], POLLIN, 0};
  const int patience = static_cast<int>(std::chrono::milliseconds(kPatience).count());
  std::string text;
  while (process_ > 0 && !absl::StrContains(text, '\n') && poll(&waiting, 1, patience) > 0 &&
         ReadSome(output[0], text)) {
  }
  close(output[0]);
  ready_ = text == "ready\n";
}

WaitingProgram::~WaitingProgram() {
  if (input_ >= 0) close(input_);
  if (process_ <= 0) return;
  if (!ready_) kill(process_, SIGKILL);
  WaitFor(process_);
}

}  // namespace bartizan::cli
