#include "fuzz/played_threads.h"

#include <ucontext.h>

#include <csetjmp>

#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "src/engine/heap.h"
#include "src/platform/lock.h"

// The address sanitizer wants to know on which stack it is. Without it, nobody asks.
extern "C" {
[[gnu::weak]] void __sanitizer_start_switch_fiber(void** save, const void* bottom, size_t size);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void* saved, const void** bottom, size_t* size);
}

namespace fuzz {
namespace {

constexpr size_t kStackBytes = size_t{256} * 1024;

struct Player {
  alignas(64) uint8_t stack[kStackBytes];
  ucontext_t context;
  bool made = false;
  void* fake_stack = nullptr;
  Standing standing = Standing::kIdle;
  void (*body)(void*) = nullptr;
  void* argument = nullptr;
  size_t points = 0;
  ptrdiff_t bins = 0;  // what the thread-local variable is while it runs
  std::jmp_buf* landing = nullptr;
};

Player g_players[kPlayers];
Player* g_current = nullptr;
ucontext_t g_caller;
const void* g_caller_stack = nullptr;
size_t g_caller_stack_bytes = 0;
bool g_reported = false;
bool g_giving_up = false;

void StartSwitch(void** save, const void* bottom, size_t size) {
  if (&__sanitizer_start_switch_fiber != nullptr) {
    __sanitizer_start_switch_fiber(save, bottom, size);
  }
}
void FinishSwitch(void* saved, const void** bottom, size_t* size) {
  if (&__sanitizer_finish_switch_fiber != nullptr) {
    __sanitizer_finish_switch_fiber(saved, bottom, size);
  }
}

// From a player back to whoever resumed it, until that happens again.
void HandBack(Player& player, Standing standing) {
  player.standing = standing;
  player.bins = bartizan::tls_bins_distance;
  player.landing = g_landing;
  StartSwitch(&player.fake_stack, g_caller_stack, g_caller_stack_bytes);
  swapcontext(&player.context, &g_caller);
  FinishSwitch(player.fake_stack, &g_caller_stack, &g_caller_stack_bytes);
  g_landing = player.landing;
  bartizan::tls_bins_distance = player.bins;
}

// In the middle of something.
void GiveWay(Standing standing) {
  HandBack(*g_current, standing);
  if (g_giving_up) std::longjmp(*g_landing, 1);  // NOLINT(modernize-avoid-setjmp-longjmp)
}

void Play() {
  FinishSwitch(nullptr, &g_caller_stack, &g_caller_stack_bytes);
  Player& player = *g_current;
  for (;;) {
    bartizan::tls_bins_distance = player.bins;
    const bool completed = Completes([&player] { player.body(player.argument); });
    if (!completed && !g_giving_up) g_reported = true;
    HandBack(player, Standing::kIdle);
  }
}

void AtMarkedPoint() {
  if (g_current == nullptr || g_current->points == 0) return;
  if (--g_current->points == 0) GiveWay(Standing::kPreempted);
}

void Run(Player& player) {
  if (!player.made) {
    player.made = true;
    getcontext(&player.context);
    player.context.uc_stack = {.ss_sp = player.stack, .ss_flags = 0, .ss_size = kStackBytes};
    player.context.uc_link = nullptr;
    makecontext(&player.context, Play, 0);
  }
  g_current = &player;
  void* fake_stack = nullptr;
  StartSwitch(&fake_stack, player.stack, kStackBytes);
  swapcontext(&g_caller, &player.context);
  FinishSwitch(fake_stack, nullptr, nullptr);
  g_current = nullptr;
  g_landing = nullptr;
}

}  // namespace

Players::Players(Case& world) {
  for (size_t i = 0; i < kPlayers; ++i) {
    g_players[i].standing = Standing::kIdle;
    g_players[i].bins = 0;
    if (i >= kThreads) continue;
    world.SwitchTo(i);
    g_players[i].bins = bartizan::tls_bins_distance;
  }
  g_reported = g_giving_up = false;
  g_system.before_call = AtMarkedPoint;
}

Players::~Players() {
  g_giving_up = true;
  for (Player& player : g_players) {
    if (player.standing != Standing::kIdle) Run(player);
  }
}

Standing Players::StandingOf(size_t player) const { return g_players[player].standing; }

void Players::Begin(size_t player, void (*body)(void*), void* argument) {
  FUZZ_CHECK(g_players[player].standing == Standing::kIdle, "a busy thread begins something");
  g_players[player].body = body;
  g_players[player].argument = argument;
  g_players[player].standing = Standing::kPreempted;
}

void Players::Resume(size_t player, size_t points) {
  g_players[player].points = points;
  Run(g_players[player]);
}

bool Players::reported() const { return g_reported; }

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's.
void MarkedPoint() asm("_ZN8bartizan8platform11MarkedPointEv");
void MarkedPoint() { AtMarkedPoint(); }

// In front of Lock::AcquireSlow: whoever waits lets others go on.
void AcquireSlow(bartizan::platform::Lock*) asm("__wrap__ZN8bartizan8platform4Lock11AcquireSlowEv");
void AcquireSlow(bartizan::platform::Lock* lock) {
  while (!lock->AcquireSoon()) {
    FUZZ_CHECK(g_current != nullptr, "a lock is held and nobody runs");
    GiveWay(Standing::kWaiting);
  }
}
// NOLINTEND(bugprone-reserved-identifier)

}  // namespace fuzz
