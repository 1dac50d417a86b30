#include "fuzz/metadata_words.h"

#include <algorithm>
#include <cstring>

#include "fuzz/harness/system.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"
#include "src/metadata/address_map.h"

namespace fuzz {
namespace {

using bartizan::Bin;
using bartizan::BinReserve;
using bartizan::ClassId;
using bartizan::g_address_map;
using bartizan::Heap;
using bartizan::kClassBytes;
using bartizan::kClasses;
using bartizan::Place;
using bartizan::Slab;
using bartizan::SlabRef;
using bartizan::SlotKind;
using bartizan::SlotState;
using bartizan::StateWord;

// What one block has to do with: its class, the heap that owns its slab, its slot.
struct Site {
  ClassId id = bartizan::kClasses;
  Heap* heap = nullptr;
  SlabRef slab;
  uint32_t granule = 0;

  Bin& bin() const { return heap->BinOf(id); }
  BinReserve& reserve() const { return heap->reserve[id]; }
  Slab& record() const { return g_address_map.slab(slab); }
  SlotState& state(uint32_t at) const { return g_address_map.region(id).states[at]; }
};

Heap* AnyHeap(size_t choice) {
  const size_t heaps = bartizan::registry::HeapLimit() - size_t{1};
  return bartizan::registry::HeapById(static_cast<bartizan::HeapId>(1 + choice % heaps));
}

Site SiteOf(const Block* block, size_t choice) {
  Site site;
  if (block != nullptr) site.id = g_address_map.ClassOfAddress(block->begin());
  if (site.id == kClasses) return {};
  const size_t offset = block->begin() - g_address_map.region(site.id).base;
  site.granule = static_cast<uint32_t>(offset >> bartizan::GranuleShift(site.id));
  site.slab = bartizan::AddressMap::SlabAt(site.id, offset);
  const bartizan::HeapId owner = g_address_map.OwnerOf(site.slab);
  site.heap = owner == bartizan::kNoHeap || owner >= bartizan::registry::HeapLimit()
                  ? AnyHeap(choice)
                  : bartizan::registry::HeapById(owner);
  // Also records of slabs that nobody has, or that are first in their list.
  const SlabRef others[] = {site.slab, site.slab, site.reserve().room,
                            g_address_map.region(site.id).pool};
  const SlabRef other = others[choice % std::size(others)];
  if (g_address_map.HasSlab(other) && other.class_id() == site.id) site.slab = other;
  return site;
}

template <class T>
Word Whole(T& member) {
  return {.at = reinterpret_cast<uintptr_t>(&member), .bytes = sizeof member};
}

// --- The words
// ------------------------------------------------------------------------------------

Word ReferenceAt(const Site& site, Place place) {
  Word word = Whole(site.heap->At(place));
  word.heap = site.heap;
  word.id = site.id;
  // The position may have been overwritten before.
  return g_system.mappings->Covers(word.at, word.bytes) ? word : Word{};
}

// In the magazine, from its end, or behind it.
Word MagazineEntry(const Site& site, size_t choice) {
  const Bin& bin = site.bin();
  const auto down = static_cast<Place>(choice / 2) * bartizan::kPlaceStep;
  if (choice % 2 != 0) return ReferenceAt(site, std::min(bin.next + down, bin.last));
  return ReferenceAt(site, down > bin.next - bin.bottom ? bin.bottom : bin.next - down);
}
Word HeldEntry(const Site& site, size_t choice) {
  const uint32_t hold = site.reserve().hold;
  if (hold == 0) return {};
  return ReferenceAt(site, site.bin().HeldPlace(static_cast<uint32_t>(choice) % hold));
}
// From the next that leaves the ring, or from the last that came.
Word RingEntry(const Site& site, size_t choice) {
  const BinReserve& reserve = site.reserve();
  const uint32_t places = (reserve.ring_end - reserve.ring) / bartizan::kPlaceStep;
  if (places == 0) return {};
  const Place from = choice % 2 == 0 ? reserve.ring_tail : site.bin().ring_next;
  const uint32_t first = (from - reserve.ring) / bartizan::kPlaceStep;
  const auto distance = static_cast<uint32_t>(choice / 2);
  const uint32_t index = choice % 2 == 0 ? first + distance : first + places - 1 - distance;
  return ReferenceAt(site, reserve.ring + index % places * bartizan::kPlaceStep);
}

Word Position(Place& position, Place lowest, Place highest) {
  Word word = Whole(position);
  word.lowest = lowest;
  word.highest = highest;
  word.step = bartizan::kPlaceStep;
  return word;
}
Word BinPosition(const Site& site, size_t choice) {
  Bin& bin = site.bin();
  BinReserve& reserve = site.reserve();
  switch (choice % 4) {
    case 0:
      return Position(bin.next, bin.bottom, bin.last);
    case 1:
      return Position(bin.ring_next, reserve.ring, reserve.ring_end);
    case 2:
      return Position(bin.ring_stop, reserve.ring, reserve.ring_end);
    default:
      return Position(reserve.ring_tail, reserve.ring, reserve.ring_end);
  }
}
// Numbers and lists that only slow paths read.
Word BinNumber(const Site& site, size_t choice) {
  BinReserve& reserve = site.reserve();
  uint32_t* const numbers[] = {&reserve.quarantine_slots,
                               &reserve.window,
                               &reserve.hold,
                               &reserve.held,
                               &reserve.slabs,
                               &reserve.empty_slabs,
                               &reserve.dropped,
                               &reserve.activity,
                               &site.heap->slow_operations};
  return Whole(*numbers[choice % std::size(numbers)]);
}
Word ListHead(const Site& site, size_t choice) {
  switch (choice % 4) {
    case 0:
      return Whole(site.reserve().room);
    case 1:
      return Whole(site.reserve().announced);
    case 2:
      return Whole(site.heap->inbox);
    default:
      return Whole(g_address_map.region(site.id).pool);
  }
}

// Eight bytes of a slab's record, two members or more. Truth values stay ones.
Word SlabWord(Slab& slab, size_t index) {
  const size_t begin = index * sizeof(uint64_t);
  Word word = {.at = reinterpret_cast<uintptr_t>(&slab) + begin, .bytes = sizeof(uint64_t)};
  for (const size_t at : {offsetof(Slab, listed), offsetof(Slab, unmapped), offsetof(Slab, torn),
                          offsetof(Slab, prepared), offsetof(Slab, remote_pending)}) {
    if (at / sizeof(uint64_t) == index) word.mask &= ~(uint64_t{0xfe} << (at - begin) * 8);
  }
  return word;
}
Word Flag(auto& member) {
  Word word = Whole(member);
  word.mask = 1;
  return word;
}

Word SlabMember(const Site& site, size_t choice) {
  Slab& slab = site.record();
  switch (choice % 16) {
    case 0:
    case 1:
      return Whole(slab.uncarved);
    case 2:
      return Whole(slab.carved);
    case 3:
      return Whole(slab.parked);
    case 4:
      return Whole(slab.next_scan);
    case 5:
      return Whole(slab.next_drain);
    case 6:
      return Whole(slab.next);
    case 7:
      return Whole(slab.previous);
    case 8:
      return Whole(slab.empty_since_ms);
    case 9:
      return Flag(slab.remote_pending);
    case 10:
      return Whole(slab.remote_next);
    case 11:
      return Flag(slab.listed);
    case 12:
      return Whole(slab.idle);
    case 13:
      return Whole(slab.dropped);
    default:
      return SlabWord(slab, choice / 16 % (sizeof(Slab) / sizeof(uint64_t)));
  }
}

// The slot's own word is the truth. Of a slot that rests, it is compared with what names the slot.
Word StateOfSlot(const Site& site) {
  SlotState& state = site.state(site.granule);
  Word word = Whole(state);
  if (state.Load().IsLive()) word.promise = Promise::kContained;
  return word;
}
// Of any granule of the slab: slots, what lies between, the owner's.
Word StateNearby(const Site& site, size_t choice) {
  const uint32_t granules = bartizan::GranulesPerSlab(site.id);
  const uint32_t first = site.slab.index() * granules;
  const uint32_t per_slot = kClassBytes[site.id] >> bartizan::GranuleShift(site.id);
  const uint32_t slots = bartizan::SlotsPerSlab(site.id);
  uint32_t granule = static_cast<uint32_t>(choice / 4) % granules;
  if (choice % 4 < 2) granule = static_cast<uint32_t>(choice / 4) % slots * per_slot;
  if (choice % 4 == 3) granule = granules - 1;
  SlotState& state = site.state(first + granule);
  Word word = Whole(state);
  const bool is_slot = granule % per_slot == 0 && granule / per_slot < slots;
  if (!is_slot || state.Load().IsLive()) word.promise = Promise::kContained;
  return word;
}

// --- The values
// -----------------------------------------------------------------------------------

// A reference to another slot as it would have to be there, by an attacker who knows the key: to
// what rests nearby, or to that of a block, live ones first.
uint64_t ForgedReference(Input& input, HeapModel& model, const Word& word) {
  const size_t choice = input.Byte();
  const Bin& bin = word.heap->BinOf(word.id);
  const auto place = static_cast<Place>(word.at - reinterpret_cast<uintptr_t>(&word.heap->places));
  const uint32_t mask = Bin::Mask(bin.key, place);
  const Place other = place + (choice % 64 - 32) * bartizan::kPlaceStep;
  const bool inside = g_system.mappings->Covers(word.at + other - place, bartizan::kPlaceStep);
  if (choice >= 192 && inside) return word.heap->At(other) ^ Bin::Mask(bin.key, other) ^ mask;
  const Block* found = nullptr;
  size_t left = choice % 8;
  for (const Block& block : model.All()) {
    if (SiteOf(&block, 0).id != word.id || (found != nullptr && found->live && !block.live))
      continue;
    found = &block;
    if (block.live && left-- == 0) break;
  }
  if (found != nullptr) return SiteOf(found, 0).granule ^ mask;
  return mask;
}

// What the word would be if it named a block's slab or a position of its bin, or the state of its
// slot if that rested somewhere.
uint64_t Forged(Input& input, const Site& site, const Word& word) {
  const size_t choice = input.Byte();
  if (word.bytes == sizeof(uint16_t)) {
    const Place places[] = {0, site.bin().next, site.bin().next + bartizan::kPlaceStep,
                            site.reserve().ring_tail, site.bin().ring_next};
    const auto kind = static_cast<SlotKind>(choice % 8);
    const Place place = places[choice / 8 % std::size(places)];
    if (kind == SlotKind::kNone) return StateWord::Live(choice, {}).bits();
    return StateWord::AtRest(kind, place).bits();
  }
  switch (choice % 4) {
    case 0:
      return site.slab.bits();
    case 1:
      return site.heap->LinkTo(site.slab);
    case 2:
      return site.reserve().ring + choice / 4 * bartizan::kPlaceStep;
    default:
      return site.bin().bottom + choice / 4 * bartizan::kPlaceStep;
  }
}

// No live state with more slack than any slot has: layers would look for the block's end up to
// eight KiB before its beginning, and find no canary there, or no memory.
uint64_t Plausible(StateWord state) {
  if (!state.IsLive()) return state.bits();
  return StateWord::Live(state.slack() % bartizan::kMinSlotBytes / 2, state.family()).bits();
}

}  // namespace

uint64_t Word::Read() const {
  uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const void*>(at), bytes);
  return value;
}
void Word::Write(uint64_t value) const { std::memcpy(reinterpret_cast<void*>(at), &value, bytes); }

Word ChooseWord(Input& input, HeapModel& model) {
  const Block* const block = model.Any(input.Byte());
  const size_t kind = input.Byte();
  const size_t choice = input.Word();
  const Site site = SiteOf(block, kind / 16);
  if (site.id == kClasses) return {};
  switch (kind % 16) {
    case 0:
    case 1:
      return MagazineEntry(site, choice);
    case 2:
      return HeldEntry(site, choice);
    case 3:
    case 4:
      return RingEntry(site, choice);
    case 5:
    case 6:
      return BinPosition(site, choice);
    case 7:
      return BinNumber(site, choice);
    case 8:
      return ListHead(site, choice);
    case 9:
    case 10:
    case 11:
    case 12:
      return SlabMember(site, choice);
    case 13:
      return StateOfSlot(site);
    default:
      return StateNearby(site, choice);
  }
}

uint64_t ChooseValue(Input& input, HeapModel& model, const Word& word) {
  const size_t kind = input.Byte();
  const Block* const block = model.Any(input.Byte());
  const Site site = SiteOf(block, kind / 16);
  uint64_t value = word.Read();
  if (word.IsReference() && kind >= 128) return ForgedReference(input, model, word);
  switch (kind % 16) {
    case 0:
      value = 0;
      break;
    case 1:
      value = UINT64_MAX;
      break;
    case 2:
      value += static_cast<uint64_t>(int64_t{static_cast<int8_t>(input.Byte())}) * word.step;
      break;
    case 3:
    case 4: {
      const Word other = ChooseWord(input, model);
      if (other.at != 0) value = other.Read();
      break;
    }
    case 5:
      value = block == nullptr ? 1 : block->begin() + input.Byte();
      break;
    case 6:
      value = block == nullptr ? 1 : block->size;
      break;
    case 7:
      value = input.Quad();
      break;
    case 8:
      if (site.id != kClasses) value = site.state(site.granule).Load().bits();
      break;
    case 9:
    case 10:
    case 11:
      if (site.id != kClasses) value = Forged(input, site, word);
      break;
    default:
      value ^= uint64_t{1} << input.Byte() % (8 * word.bytes);
  }
  if (word.bytes < sizeof value) value &= (uint64_t{1} << 8 * word.bytes) - 1;
  if (word.bytes == sizeof(uint16_t)) value = Plausible(StateWord(static_cast<uint16_t>(value)));
  value = value / word.step * word.step & word.mask;
  return std::max(value, word.lowest);
}

}  // namespace fuzz
