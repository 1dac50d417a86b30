// Plays all programs of up to so many actions under one setting, and counts what became of them.
// tools/fuzz/exhaustive.py runs it, several at a time, and adds up.
//
//   exhaustive --length=N --setting=NAME [--shard=I/OF]   counts, one in a line, and what was
//   broken exhaustive --play=SETTING:NAMES                       one program, in words exhaustive
//   --length=N                                 all settings, only what was broken exhaustive
//   --settings                                 the settings' names
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/exhaustive/player.h"
#include "fuzz/exhaustive/program.h"
#include "fuzz/harness/world.h"

namespace fuzz {
namespace {

// Programs with an equal beginning of so many actions are in one shard.
constexpr size_t kShardDepth = 3;
constexpr size_t kMostShown = 20;
constexpr unsigned kSecondsForOne = 20;

volatile std::sig_atomic_t g_interrupted = 0;
// What is being played, for the handler of what ends the process.
char g_now[512];

std::string Slug(size_t setting) {
  std::string name = kSettings[setting].name;
  for (char& c : name) {
    if (c == ' ') c = '-';
  }
  return name;
}

void OnSignal(int signal) {
  if (signal == SIGTERM || signal == SIGINT) {
    g_interrupted = 1;
    return;
  }
  char line[sizeof g_now + 64];
  const int length =
      snprintf(line, sizeof line, "broken %s the process was ended by signal %d\n", g_now, signal);
  if (length > 0) static_cast<void>(!write(STDOUT_FILENO, line, static_cast<size_t>(length)));
  _exit(1);
}

void CatchSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  for (int signal : {SIGTERM, SIGINT, SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGALRM}) {
    sigaction(signal, &action, nullptr);
  }
}

// What became of the programs of one setting.
struct Counts {
  std::vector<std::array<uint64_t, kVerdicts>> verdicts;  // by length
  uint64_t played = 0;
  uint64_t broken = 0;
  std::map<std::string_view, uint64_t> reports;
  std::array<uint64_t, kHarms> harms = {};
  std::array<std::string, kHarms> examples;  // undefended, the shortest, then the first
};

class Enumeration {
 public:
  Enumeration(size_t setting, size_t length, size_t shard, size_t shards)
      : player_(setting), setting_(setting), length_(length), shard_(shard), shards_(shards) {
    counts_.verdicts.resize(length + 1);
  }
  void Run() { GoOn(Belief()); }
  const Counts& counts() const { return counts_; }

 private:
  void GoOn(const Belief& belief) {
    for (const Action& action : belief.Choices()) {
      if (g_interrupted != 0) return;
      program_.push_back(action);
      // What is shorter than a shard's prefix is everybody's to play, the first one's to count.
      const bool mine = program_.size() == kShardDepth
                            ? prefix_++ % shards_ == shard_
                            : program_.size() > kShardDepth || shard_ == 0;
      if (mine || program_.size() < kShardDepth) {
        Belief next = belief;
        next.Apply(action);
        const Outcome outcome = PlayOne();
        // What follows the end of a program is never run: it ends like this one.
        const bool over = outcome.ended < program_.size();
        const size_t behind = over ? length_ - program_.size() : 0;
        if (mine) Count(outcome, next, behind);
        if (!over && program_.size() < length_) GoOn(next);
      }
      program_.pop_back();
    }
  }

  Outcome PlayOne() {
    snprintf(g_now, sizeof g_now, "%s:%s", Slug(setting_).c_str(), NamesOf(program_).c_str());
    if (counts_.played++ % 1024 == 0) alarm(kSecondsForOne);
    return player_.Play(program_);
  }

  void Count(const Outcome& outcome, const Belief& after, size_t behind) {
    for (size_t i = 0; i <= behind; ++i) {
      const uint64_t programs = after.ProgramsBehind(i);
      counts_.verdicts[program_.size() + i][static_cast<size_t>(outcome.verdict)] += programs;
      if (!outcome.report.empty()) counts_.reports[outcome.report] += programs;
    }
    if (outcome.verdict == Verdict::kFailed && counts_.broken++ < kMostShown) {
      printf("broken %s %s\n", g_now, outcome.broken.c_str());
      fflush(stdout);
    }
    for (size_t i = 0; i < kHarms; ++i) {
      if (outcome.verdict != Verdict::kUndefended || (outcome.harms >> i & 1) == 0) continue;
      counts_.harms[i]++;
      std::string& example = counts_.examples[i];
      const std::string names = NamesOf(program_);
      const auto actions = [](const std::string& text) { return std::ranges::count(text, ','); };
      if (example.empty() || actions(names) < actions(example)) example = names;
    }
  }

  Player player_;
  size_t setting_;
  size_t length_;
  size_t shard_;
  size_t shards_;
  size_t prefix_ = 0;
  std::vector<Action> program_;
  Counts counts_;
};

void Print(const Counts& counts) {
  for (size_t length = 1; length < counts.verdicts.size(); ++length) {
    for (size_t i = 0; i < kVerdicts; ++i) {
      const auto number = static_cast<unsigned long long>(counts.verdicts[length][i]);
      if (number != 0) printf("verdict %zu %s %llu\n", length, kVerdictNames[i], number);
    }
  }
  for (const auto& [report, number] : counts.reports) {
    printf("report %llu %.*s\n", static_cast<unsigned long long>(number),
           static_cast<int>(report.size()), report.data());
  }
  for (size_t i = 0; i < kHarms; ++i) {
    if (counts.harms[i] == 0) continue;
    printf("harm %llu %s %s\n", static_cast<unsigned long long>(counts.harms[i]),
           counts.examples[i].c_str(), kHarmNames[i]);
  }
  printf("played %llu\n", static_cast<unsigned long long>(counts.played));
  printf("end %s\n", g_interrupted != 0 ? "interrupted" : "complete");
}

int Play(const std::string& text) {
  const size_t colon = text.find(':');
  for (size_t setting = 0; setting < kSettingCount && colon != std::string::npos; ++setting) {
    if (Slug(setting) != text.substr(0, colon)) continue;
    const std::vector<Action> program = ReadProgram(std::string_view(text).substr(colon + 1));
    if (program.empty()) break;
    snprintf(g_now, sizeof g_now, "%s", text.c_str());
    const Outcome outcome = Player(setting).Play(program);
    printf("%s\n", kSettings[setting].options);
    for (size_t i = 0; i < program.size(); ++i) {
      printf("%zu. %s%s\n", i + 1, InWords(program[i]).c_str(),
             outcome.ended == i ? "   <- the end" : "");
    }
    printf("%zu. free what is left, reuse what was written to%s\n", program.size() + 1,
           outcome.ended == program.size() ? "   <- the end" : "");
    if (!outcome.report.empty()) printf("report: %s\n", std::string(outcome.report).c_str());
    for (size_t i = 0; i < kHarms; ++i) {
      if ((outcome.harms >> i & 1) != 0) printf("harm: %s\n", kHarmNames[i]);
    }
    printf("verdict: %s\n", kVerdictNames[static_cast<size_t>(outcome.verdict)]);
    if (!outcome.broken.empty()) printf("broken: %s\n", outcome.broken.c_str());
    return outcome.verdict == Verdict::kFailed ? 1 : 0;
  }
  fprintf(stderr, "exhaustive: there is no program %s\n", text.c_str());
  return 2;
}

int Main(int argc, char** argv) {
  size_t length = 0;
  size_t shard = 0;
  size_t shards = 1;
  std::string wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--play=")) return Play(word.substr(7));
    if (word.starts_with("--length=")) length = strtoul(argv[i] + 9, nullptr, 10);
    if (word.starts_with("--setting=")) wanted = word.substr(10);
    if (word.starts_with("--shard=")) sscanf(argv[i], "--shard=%zu/%zu", &shard, &shards);
    if (word != "--settings") continue;
    for (size_t j = 0; j < kSettingCount; ++j) puts(Slug(j).c_str());
    return 0;
  }
  bool broken = false;
  bool any = false;
  for (size_t setting = 0; setting < kSettingCount; ++setting) {
    if (!wanted.empty() && wanted != Slug(setting)) continue;
    Enumeration enumeration(setting, length, shard, shards);
    enumeration.Run();
    any = true;
    if (!wanted.empty()) Print(enumeration.counts());
    broken = broken || enumeration.counts().broken != 0;
  }
  if (!any || length == 0) fprintf(stderr, "exhaustive: wrong words\n");
  return !any || length == 0 ? 2 : broken ? 1 : 0;
}

}  // namespace
}  // namespace fuzz

int main(int argc, char** argv) {
  fuzz::CatchSignals();
  return fuzz::Main(argc, argv);
}
