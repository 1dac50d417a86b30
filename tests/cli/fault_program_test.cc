// What is made of how a fault program ended, and which faults keep a promise.
#include "tools/cli/fault_program.h"

#include <gtest/gtest.h>

#include <csignal>

#include "tools/cli/selftest_plan.h"

namespace bartizan::cli {
namespace {

constexpr char kReport[] =
    "bartizan: fatal: heap overflow: bytes were overwritten; address 0x10, process 1\n";
// As waitpid gives them.
constexpr int Exited(int code) { return code << 8; }
constexpr int Killed(int signal) { return signal; }

TEST(ReadFaultRun, AReportIsOneOnlyWithSigabrt) {
  const FaultRun run = ReadFaultRun(Killed(SIGABRT), "at access\nat free\n", kReport);
  EXPECT_EQ(run.ending, Ending::kReported);
  EXPECT_EQ(run.moment, "free");
  EXPECT_EQ(run.message, "heap overflow: bytes were overwritten; address 0x10, process 1");
  EXPECT_EQ(ReadFaultRun(Killed(SIGSEGV), "at free\n", kReport).ending, Ending::kBroken);
  EXPECT_EQ(ReadFaultRun(Killed(SIGABRT), "at free\n", "free(): double free\n").ending,
            Ending::kBroken);
  EXPECT_EQ(ReadFaultRun(Exited(0), "at free\n", kReport).ending, Ending::kBroken);
}

TEST(ReadFaultRun, AReportDuringAnAccessIsOfTheFunctionThatAccesses) {
  EXPECT_EQ(ReadFaultRun(Killed(SIGABRT), "at access\n", kReport).moment, "call");
}

TEST(ReadFaultRun, AGuardStopsAccessesAndNothingElse) {
  EXPECT_EQ(ReadFaultRun(Killed(SIGSEGV), "at access\n", "").ending, Ending::kGuarded);
  EXPECT_EQ(ReadFaultRun(Killed(SIGSEGV), "at access\nat free\n", "").ending, Ending::kBroken);
  EXPECT_EQ(ReadFaultRun(Killed(SIGKILL), "at access\n", "").ending, Ending::kBroken);
}

TEST(ReadFaultRun, ExitStatusesCountWithTheirWord) {
  EXPECT_EQ(ReadFaultRun(Exited(0), "at access\nanswered reads zeros\n", "").ending,
            Ending::kHarmless);
  EXPECT_EQ(ReadFaultRun(Exited(0), "at access\nanswered reads zeros\n", "").message,
            "reads zeros");
  EXPECT_EQ(ReadFaultRun(Exited(3), "unnoticed x\n", "").ending, Ending::kUnnoticed);
  EXPECT_EQ(ReadFaultRun(Exited(4), "inapplicable x\n", "").ending, Ending::kInapplicable);
  EXPECT_EQ(ReadFaultRun(Exited(0), "", "").ending, Ending::kBroken);
  EXPECT_EQ(ReadFaultRun(Exited(3), "answered x\n", "").ending, Ending::kBroken);
  EXPECT_EQ(ReadFaultRun(Exited(2), "", "usage").ending, Ending::kBroken);
}

TEST(PlannedFault, IsKeptByTheEndingAndTheReportThatWasPromised) {
  const PlannedFault reported = {"f", 8, false, Ending::kReported, "double free|corrupt free list"};
  EXPECT_TRUE(reported.IsKeptBy({Ending::kReported, "free", "double free: x"}));
  EXPECT_TRUE(reported.IsKeptBy({Ending::kReported, "free", "corrupt free list: x"}));
  EXPECT_FALSE(reported.IsKeptBy({Ending::kReported, "free", "invalid free: x"}));
  EXPECT_FALSE(reported.IsKeptBy({Ending::kGuarded, "access", "double free: x"}));
  const PlannedFault harmless = {"f", 8, false, Ending::kHarmless, ""};
  EXPECT_TRUE(harmless.IsKeptBy({Ending::kHarmless, "access", "reads zeros"}));
  EXPECT_FALSE(harmless.IsKeptBy({Ending::kUnnoticed, "access", "reads"}));
}

TEST(PlannedFault, ArgumentsNameTheSecondThread) {
  const PlannedFault fault = {"f", 8, true, Ending::kHarmless, ""};
  EXPECT_EQ(fault.Arguments(), (std::vector<std::string>{"f", "8", "thread"}));
}

TEST(PlanFor, ALayerWithoutFaultsSaysWhy) {
  EXPECT_TRUE(PlanFor("a_layer_of_tomorrow").faults.empty());
  EXPECT_FALSE(PlanFor("a_layer_of_tomorrow").nothing.empty());
  EXPECT_FALSE(PlanFor("canaries").faults.empty());
  EXPECT_TRUE(PlanFor("canaries").nothing.empty());
}

}  // namespace
}  // namespace bartizan::cli
