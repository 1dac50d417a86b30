// Seal: every test in a process of its own, because it cannot be undone.
#include "src/options/sealed_page.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csignal>
#include <cstdlib>

#include "src/platform/syscall.h"

namespace bartizan {
namespace {

[[noreturn]] void SealAndExitWithState() {
  bartizan_sealed_page.secrets[kSecretWords - 1] = 42;
  const bool sealed = Seal();
  const bool readable = bartizan_sealed_page.info.state == StartState::kSealed &&
                        bartizan_sealed_page.secrets[kSecretWords - 1] == 42;
  std::_Exit(sealed && readable ? 0 : 1);
}

TEST(SealDeathTest, LeavesThePageReadable) {
  EXPECT_EXIT(SealAndExitWithState(), testing::ExitedWithCode(0), "");
}

void SealAndWrite() {
  // Sanitizers turn the signal into an exit; what counts here is that the write faults.
  std::signal(SIGSEGV, SIG_DFL);
  Seal();
  *static_cast<volatile uint64_t*>(&bartizan_sealed_page.options.toggles) = 0;
}

TEST(SealDeathTest, MakesThePageReadOnly) {
  EXPECT_EXIT(SealAndWrite(), testing::KilledBySignal(SIGSEGV), "");
}

bool KernelCanSeal() {
  void* const page = mmap(nullptr, kSealedPageBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return platform::Syscall(462, page, kSealedPageBytes, 0) == 0;
}

[[noreturn]] void SealAndUnprotect() {
  Seal();
  const bool refused =
      mprotect(&bartizan_sealed_page, kSealedPageBytes, PROT_READ | PROT_WRITE) != 0;
  std::_Exit(refused ? 0 : 1);
}

TEST(SealDeathTest, CannotBeUndone) {
  // The call is there; what it does to a page that nobody needs decides.
  if (!KernelCanSeal()) GTEST_SKIP() << "the kernel has no mseal";
  EXPECT_EXIT(SealAndUnprotect(), testing::ExitedWithCode(0), "");
}

// Nothing else lies on the page: what is next to it stays writable.
constinit uint64_t g_neighbour = 1;

[[noreturn]] void SealAndWriteNextToIt() {
  Seal();
  *static_cast<volatile uint64_t*>(&g_neighbour) = 2;
  std::_Exit(0);
}

TEST(SealDeathTest, SealsNothingElse) {
  EXPECT_EXIT(SealAndWriteNextToIt(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bartizan
