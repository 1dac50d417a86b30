// The state word of a slot: sixteen bits out of line for every granule of a class region.
//
//   live         kkkkkkkkkkkkk ff 1   slack (capacity - requested), family
//   at rest      pppppppppppp kkk 0   place its reference rests at, kind
//
// A granule at which no slot starts, or whose slot was never carved, has the word 0: kNone. The
// last granule of a slab, where no slot can start, has the slab's owner instead.
//
//                     malloc                    free (owner)
//   carve -> kFresh or kCached --> live -----------------------> kQuarantined (or kCached)
//              ^                |  free (other thread)              |
//              |                +--------> kRemote --- drained -----+
//              |                                                    | leaves quarantine
//              +---------------- kParked <--------------------------+
//
// Who may write: the owner of the slab, except that the user of a live block may give it another
// size (live -> live) or, as another thread than the owner, free it (live -> kReleasing ->
// kRemote), both with an atomic exchange. docs/slot-states.md has the protocol.
//
// A slot at rest in a ring names the place it rests at, and the ring names the slot: an entry that
// is copied, replayed or altered no longer agrees with the word and is caught before it is issued.
#ifndef BARTIZAN_SRC_METADATA_SLOT_STATE_H_
#define BARTIZAN_SRC_METADATA_SLOT_STATE_H_

#include <atomic>
#include <cstdint>

#include "src/metadata/size_classes.h"
#include "src/platform/marked_point.h"

namespace bartizan {

enum class SlotKind : uint16_t {
  kNone = 0,
  kCached = 1,       // in a magazine, ready to be issued
  kQuarantined = 2,  // waits in its owner's quarantine
  kReleasing = 3,    // another thread is freeing it right now
  kRemote = 4,       // freed by another thread, not yet seen by its owner
  kFresh = 5,        // as kCached, and never issued yet: nothing has touched it
  kParked = 6,       // free, in its slab only
};

// A heap's name; 0 is nobody. One bit less than a state word has, see StateWord::OwnedBy.
using HeapId = uint16_t;
constexpr HeapId kNoHeap = 0;
constexpr uint32_t kMaxHeaps = 32766;
// Owns slabs of closing epochs (src/engine/closing_slabs.h); no heap has this name.
constexpr HeapId kNobodysHeap = 32767;

// Which family of functions a block came from.
enum class Family : uint16_t { kMalloc = 0, kNew = 1, kNewArray = 2, kAligned = 3 };

class StateWord {
 public:
  constexpr StateWord() = default;
  constexpr explicit StateWord(uint16_t bits) : bits_(bits) {}

  static constexpr uint32_t kPlaces = 1u << 12;

  static constexpr StateWord Live(size_t slack, Family family) {
    return StateWord(static_cast<uint16_t>(slack << 3 | static_cast<uint16_t>(family) << 1 | 1));
  }
  // `place` is a multiple of four; what is above twelve bits of it, over four, is dropped.
  static constexpr StateWord AtRest(SlotKind kind, uint32_t place = 0) {
    return StateWord(static_cast<uint16_t>(place << 2 | static_cast<uint32_t>(kind) << 1));
  }

  // Not a slot's word, but that of a slab's last granule, where no slot can begin: the slab's
  // owner. Never live, so that the address of that granule is no block.
  static constexpr StateWord OwnedBy(HeapId heap) {
    return StateWord(static_cast<uint16_t>(heap << 1));
  }
  constexpr HeapId owner() const { return bits_ >> 1; }

  constexpr bool IsLive() const { return (bits_ & 1) != 0; }
  // Of live words.
  constexpr size_t slack() const { return bits_ >> 3; }
  constexpr Family family() const { return static_cast<Family>(bits_ >> 1 & 3); }
  // Of the others.
  constexpr SlotKind kind() const { return static_cast<SlotKind>(bits_ >> 1 & 7); }
  // Whether the slot was never issued: it is about to be carved, or rests ready since.
  constexpr bool IsUnused() const { return bits_ == 0 || kind() == SlotKind::kFresh; }
  // Whether it is ready or fresh, and held back: at no place.
  constexpr bool IsHeldBack() const {
    return (bits_ & ~kFreshBit) == AtRest(SlotKind::kCached).bits_;
  }
  // The same state, at that place instead of none.
  constexpr StateWord AtPlace(uint32_t place) const {
    return StateWord(static_cast<uint16_t>(bits_ + (place << 2)));
  }

  constexpr uint16_t bits() const { return bits_; }
  friend constexpr bool operator==(StateWord, StateWord) = default;

 private:
  // Fresh slots have one bit more than cached ones.
  static constexpr uint16_t kFreshBit =
      (static_cast<uint16_t>(SlotKind::kFresh) ^ static_cast<uint16_t>(SlotKind::kCached)) << 1;
  static_assert(kFreshBit == 8);

  uint16_t bits_ = 0;
};
static_assert(StateWord::Live(kMaxSlack, Family::kAligned).slack() == kMaxSlack);
static_assert(StateWord() == StateWord::AtRest(SlotKind::kNone));

// A state word in its table. All accesses are relaxed unless they say otherwise: the owner is the
// only writer of a slot that is not live, and a block is handed between threads by the program's
// own synchronisation. What races is a bug of the program, and is then caught by the word's value.
class SlotState {
 public:
  StateWord Load() const {
    platform::MarkedPoint();
    return StateWord(bits_.load(std::memory_order_relaxed));
  }
  void Store(StateWord word) {
    platform::MarkedPoint();
    bits_.store(word.bits(), std::memory_order_relaxed);
  }
  // Takes the slot from its user, who frees it as another thread than the owner or gives it another
  // size: of several racing ones exactly one sees the live word. Acquire, so that the block's last
  // writes made by whoever handed it to us stay before.
  StateWord BeginRelease() {
    platform::MarkedPoint();
    return StateWord(
        bits_.exchange(StateWord::AtRest(SlotKind::kReleasing).bits(), std::memory_order_acquire));
  }
  // Release: who reads the word sees what the block's layers left behind it.
  void StoreLive(StateWord word) {
    platform::MarkedPoint();
    bits_.store(word.bits(), std::memory_order_release);
  }
  // False: the word is another one. Acquire and release: what was done before in the slot's memory
  // is seen by whoever finds the new word, and comes before what is done now.
  bool Change(StateWord from, StateWord to) {
    platform::MarkedPoint();
    uint16_t expected = from.bits();
    return bits_.compare_exchange_strong(expected, to.bits(), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }
  // Release: the owner that reads kRemote with LoadRemote() sees the zeroed memory.
  void FinishRemoteFree() {
    platform::MarkedPoint();
    bits_.store(StateWord::AtRest(SlotKind::kRemote).bits(), std::memory_order_release);
  }
  // The owner of a slab. Release: a thread that sees its own id sees the slab as it was prepared.
  void StoreOwner(HeapId heap) {
    platform::MarkedPoint();
    bits_.store(StateWord::OwnedBy(heap).bits(), std::memory_order_release);
  }
  StateWord LoadOwner() const {
    platform::MarkedPoint();
    return StateWord(bits_.load(std::memory_order_acquire));
  }
  StateWord LoadRemote() const {
    platform::MarkedPoint();
    return StateWord(bits_.load(std::memory_order_acquire));
  }

 private:
  std::atomic<uint16_t> bits_;
};
static_assert(sizeof(SlotState) == 2);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_SLOT_STATE_H_
