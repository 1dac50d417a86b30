#include "src/engine/epoch_scopes.h"

#include "src/base/bits.h"
#include "src/base/text.h"
#include "src/base/violation.h"
#include "src/engine/heap_registry.h"
#include "src/metadata/metadata_memory.h"
#include "src/options/sealed_page.h"
#include "src/platform/lock.h"
#include "src/platform/memory.h"

namespace bartizan {

struct Scope {
  EpochName epoch;
  Heap* heap;
  uint64_t serial;
  bool closes;
};

// The first one is the thread's current epoch outside of scopes, with heap nullptr for none.
struct ScopeStack {
  uint32_t depth;
  uint32_t capacity;
  Scope scopes[1];

  Scope& base() { return scopes[0]; }
  Scope& At(uint32_t i) { return *(scopes + 1 + i); }
  Scope& top() { return depth == 0 ? base() : At(depth - 1); }
};

namespace epoch_scopes {
namespace {

constinit std::atomic<uint64_t> g_serial{1};

Heap* CurrentHeap() {
  BinSet* const bins = CurrentBins();
  return HasHeap(bins) ? static_cast<Heap*>(bins) : nullptr;
}

Heap* HomeOf(Heap* heap) { return heap->home != nullptr ? heap->home : heap; }

// The calling thread's own heap, attached if it had none. nullptr: it has none any more, or gets
// none.
Heap* Home() {
  if (CurrentHeap() == nullptr) ScopedHeap attach;
  Heap* const heap = CurrentHeap();
  return heap == nullptr ? nullptr : HomeOf(heap);
}

ScopeStack* StackOf(Heap& home) {
  if (home.scopes != nullptr) return home.scopes;
  const auto depth = static_cast<uint32_t>(OptionsInForce().epoch_depth);
  const size_t bytes =
      AlignUp(sizeof(ScopeStack) + (depth + 1) * sizeof(Scope), platform::kPageBytes);
  const uintptr_t place = ClaimMetadata(home.random, bytes);
  if (place == 0) return nullptr;
  home.scopes = reinterpret_cast<ScopeStack*>(place);
  home.scopes->capacity = depth;
  return home.scopes;
}

// The heap through which the thread is in the epoch already, or nullptr.
Heap* HeapOf(ScopeStack& stack, const EpochName& epoch) {
  if (stack.base().heap != nullptr && stack.base().epoch == epoch) return stack.base().heap;
  for (uint32_t i = 0; i < stack.depth; ++i) {
    if (stack.At(i).epoch == epoch) return stack.At(i).heap;
  }
  return nullptr;
}

EpochStatus Hold(Heap& home, ScopeStack& stack, const EpochName& epoch, Heap** heap) {
  *heap = HeapOf(stack, epoch);
  if (*heap != nullptr) return epochs::HoldHeap(**heap, epoch);
  return epochs::TakeHeap(epoch, home, heap);
}

void WorkInTop(Heap& home, ScopeStack& stack) {
  Heap* const heap = stack.top().heap;
  SetCurrentBins(heap != nullptr ? heap : &home);
}

using Words = Text<512>;

void Describe(Words& words, uint64_t serial, const EpochName& epoch) {
  words << "scope " << serial << " of epoch ";
  EpochView view;
  if (epochs::View(epoch, &view) == EpochStatus::kDone) words << "'" << view.label << "' ";
  words << "(" << epoch.id << ", era " << epoch.era << ")";
}

EpochStatus Misuse(EpochStatus status, const ScopeName& scope, const Scope* innermost) {
  Words words;
  Describe(words, scope.serial, scope.epoch);
  switch (status) {
    case EpochStatus::kNotInnermost:
      words << " is left before ";
      Describe(words, innermost->serial, innermost->epoch);
      words << ", which was entered later; leave scopes in the reverse order";
      break;
    case EpochStatus::kOtherThread:
      words << " is left by another thread than the one that entered it";
      if (innermost != nullptr) {
        words << ", which is in ";
        Describe(words, innermost->serial, innermost->epoch);
      }
      break;
    default:
      words << " was left before, or never entered";
      if (innermost != nullptr) {
        words << "; the innermost is ";
        Describe(words, innermost->serial, innermost->epoch);
      }
  }
  SayMisuse(words.view());
  return status;
}

void Drop(Heap& home, ScopeStack& stack) {
  const Scope left = stack.top();
  stack.depth--;
  WorkInTop(home, stack);
  epochs::GiveHeap(left.heap, left.epoch);
  if (!left.closes) return;
  EpochView view;
  const bool open = epochs::View(left.epoch, &view) == EpochStatus::kDone && !view.closing;
  if (open && view.scopes == 0) epochs::Close(left.epoch, false);
}

}  // namespace

EpochStatus Enter(const EpochName& epoch, bool closes, ScopeName* scope) {
  Heap* const home = Home();
  if (home == nullptr) return EpochStatus::kThreadIsEnding;
  ScopeStack* const stack = StackOf(*home);
  if (stack == nullptr) return EpochStatus::kNoMemory;
  if (stack->depth == stack->capacity) return EpochStatus::kTooDeep;
  Heap* heap;
  const EpochStatus status = Hold(*home, *stack, epoch, &heap);
  if (status != EpochStatus::kDone) return status;
  const uint64_t serial = g_serial.fetch_add(1, std::memory_order_relaxed);
  stack->At(stack->depth++) = {epoch, heap, serial, closes};
  SetCurrentBins(heap);
  *scope = {serial, platform::ThisThread(), epoch};
  return EpochStatus::kDone;
}

EpochStatus Leave(const ScopeName& scope) {
  Heap* const home = Home();
  ScopeStack* const stack = home == nullptr ? nullptr : home->scopes;
  const Scope* const innermost = stack != nullptr && stack->depth != 0 ? &stack->top() : nullptr;
  if (innermost != nullptr && innermost->serial == scope.serial) {
    Drop(*home, *stack);
    return EpochStatus::kDone;
  }
  for (uint32_t i = 0; innermost != nullptr && i < stack->depth; ++i) {
    if (stack->At(i).serial == scope.serial) {
      return Misuse(EpochStatus::kNotInnermost, scope, innermost);
    }
  }
  const bool other = scope.serial != 0 && scope.thread != platform::ThisThread();
  return Misuse(other ? EpochStatus::kOtherThread : EpochStatus::kNotInside, scope, innermost);
}

EpochStatus MakeCurrent(const EpochName& epoch) {
  Heap* const home = Home();
  if (home == nullptr) return EpochStatus::kThreadIsEnding;
  ScopeStack* const stack = StackOf(*home);
  if (stack == nullptr) return EpochStatus::kNoMemory;
  if (stack->depth != 0) return EpochStatus::kBusy;
  Scope next = {};
  if (epoch.id != 0) {
    const EpochStatus status = Hold(*home, *stack, epoch, &next.heap);
    if (status != EpochStatus::kDone) return status;
    next.epoch = epoch;
  }
  const Scope before = stack->base();
  stack->base() = next;
  WorkInTop(*home, *stack);
  if (before.heap != nullptr) epochs::GiveHeap(before.heap, before.epoch);
  return EpochStatus::kDone;
}

EpochName Current() {
  Heap* const heap = CurrentHeap();
  if (heap == nullptr || heap->home == nullptr || heap->home->scopes == nullptr) return {};
  return heap->home->scopes->top().epoch;
}

ScopedEpoch::ScopedEpoch(const EpochName& epoch) : epoch_(epoch) {
  Heap* const home = Home();
  if (home == nullptr) {
    status_ = EpochStatus::kThreadIsEnding;
    return;
  }
  Heap* heap = home->scopes == nullptr ? nullptr : HeapOf(*home->scopes, epoch);
  if (epoch.id == 0) {
    heap = home;
    status_ = EpochStatus::kDone;
  } else if (heap != nullptr) {
    // The thread's scope keeps the epoch, but it may be closing.
    const Epoch* const record = g_epochs.At(epoch.id);
    status_ = record->closing ? EpochStatus::kClosing : EpochStatus::kDone;
  } else {
    status_ = epochs::TakeHeap(epoch, *home, &taken_);
    heap = taken_;
  }
  if (status_ != EpochStatus::kDone) return;
  before_ = CurrentBins();
  SetCurrentBins(heap);
}

ScopedEpoch::~ScopedEpoch() {
  if (before_ != nullptr) SetCurrentBins(before_);
  if (taken_ != nullptr) epochs::GiveHeap(taken_, epoch_);
}

void LeaveAll() {
  Heap* const home = HomeOf(CurrentHeap());
  ScopeStack* const stack = home->scopes;
  if (stack == nullptr) return;
  while (stack->depth != 0) {
    Words words;
    words << "a thread ended inside ";
    Describe(words, stack->top().serial, stack->top().epoch);
    SayMisuse(words.view());
    Drop(*home, *stack);
  }
  MakeCurrent({});
}

void Forget(Heap& heap) {
  if (heap.scopes == nullptr) return;
  heap.scopes->depth = 0;
  heap.scopes->base() = {};
}

}  // namespace epoch_scopes
}  // namespace bartizan
