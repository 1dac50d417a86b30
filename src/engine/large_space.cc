#include "src/engine/large_space.h"

#include "src/base/bits.h"
#include "src/metadata/address_map.h"
#include "src/metadata/metadata_memory.h"
#include "src/platform/memory.h"

namespace bartizan {
namespace {

using platform::AddressRange;
using platform::Claim;
using platform::kPageBytes;

// The lowest address of each span is moved up by a random part of this.
constexpr size_t kSpread = 8 * kTiB;
// Addresses that wait cost nothing but address space: some always do, however large they are.
constexpr size_t kAlwaysWaiting = 16;
constexpr size_t kMostWaiting = 4096;
// Around an obstacle, no more than this is given up.
constexpr size_t kObstacleBytes = 2 * kMiB;
constexpr size_t kChunkBytes = 256 * kKiB;

}  // namespace

void LargeSpace::Initialize(RandomStream& random) {
  Reseed(random);
  if (!platform::kChoosesAddresses) return;
  const AddressRange map = g_address_map.layout();
  for (const AddressRange span : {platform::kLowSpan, platform::kHighSpan}) {
    const size_t choices = kSpread / platform::kPlaceAlignment;
    const uintptr_t begin = span.begin + random_.Next64() % choices * platform::kPlaceAlignment;
    if (map.begin >= begin && map.begin < span.end) {
      AddFree(begin, map.begin, false);
      AddFree(map.end, span.end, false);
    } else {
      const bool inside = map.begin < begin && begin < map.end;
      AddFree(inside ? map.end : begin, span.end, false);
    }
  }
}

void LargeSpace::Reseed(RandomStream& random) {
  uint32_t key[RandomStream::kKeyWords];
  for (uint32_t& word : key) word = random.Next32();
  random_.Seed(key);
}

// Zeroed memory for a record, or 0.
uintptr_t LargeSpace::CutRecord(size_t bytes) {
  if (chunk_end_ - chunk_ < bytes) {
    const uintptr_t place = ClaimMetadata(random_, kChunkBytes);
    if (place == 0) return 0;
    chunk_ = place;
    chunk_end_ = place + kChunkBytes;
  }
  const uintptr_t record = chunk_;
  chunk_ += bytes;
  return record;
}

void LargeSpace::NewSample(LargeBlock* block) {
  block->sample = samples_;
  if (samples_ != nullptr) {
    samples_ = samples_->next;
  } else {
    block->sample = reinterpret_cast<Sample*>(CutRecord(sizeof(Sample)));
  }
}

void LargeSpace::DropSample(LargeBlock* block) {
  if (block->sample == nullptr) return;
  block->sample->next = samples_;
  samples_ = block->sample;
  block->sample = nullptr;
}

const LargeBlock* LargeSpace::FindWaiting(uintptr_t address) const {
  for (const Queue* queue : {&waiting_samples_, &waiting_}) {
    for (const LargeBlock* block = queue->oldest; block != nullptr; block = block->next) {
      if (address >= block->begin && address < block->end) return block;
    }
  }
  return nullptr;
}

LargeBlock* LargeSpace::NewRecord() {
  if (records_ != nullptr) {
    LargeBlock* record = records_;
    records_ = record->next;
    *record = {};
    record->priority = random_.Next32();
    return record;
  }
  auto* record = reinterpret_cast<LargeBlock*>(CutRecord(sizeof(LargeBlock)));
  if (record == nullptr) return nullptr;
  record->priority = random_.Next32();
  return record;
}

void LargeSpace::DropRecord(LargeBlock* record) {
  DropSample(record);
  record->next = records_;
  records_ = record;
}

void LargeSpace::AddFree(uintptr_t begin, uintptr_t end, bool in_samples) {
  if (begin >= end) return;
  LargeBlock* record = NewRecord();
  if (record == nullptr) return;  // no memory for records: the addresses are lost, nothing else
  record->begin = begin;
  record->end = end;
  record->in_samples = in_samples;
  FreeRange(record);
}

void LargeSpace::FreeRange(LargeBlock* block) {
  DropSample(block);
  RangeTree& tree = block->in_samples ? free_in_samples_ : free_;
  RangeNode* before = tree.AtOrBefore(block->begin);
  if (before != nullptr && before->end == block->begin) {
    tree.Erase(before);
    block->begin = before->begin;
    DropRecord(static_cast<LargeBlock*>(before));
  }
  RangeNode* after = tree.AtOrAfter(block->end);
  if (after != nullptr && after->begin == block->end) {
    tree.Erase(after);
    block->end = after->end;
    DropRecord(static_cast<LargeBlock*>(after));
  }
  tree.Insert(block);
}

LargeBlock* LargeSpace::TakeRange(size_t bytes) {
  LargeBlock* record = NewRecord();
  if (record == nullptr) return nullptr;
  RangeNode* found = free_.FirstFit(bytes);
  // Waiting ranges are given up only for a request that they can help.
  for (Queue* queue : {&waiting_, &waiting_samples_}) {
    while (found == nullptr && queue->oldest != nullptr &&
           bytes <= free_.longest() + queue->bytes) {
      ReleaseOldest(*queue);
      found = free_.FirstFit(bytes);
    }
  }
  return CutRange(free_, found, bytes, record);
}

LargeBlock* LargeSpace::TakeSampleRange(size_t bytes) {
  if (sample_space_.is_stopped()) return nullptr;
  LargeBlock* record = NewRecord();
  if (record == nullptr) return nullptr;
  RangeNode* found = free_in_samples_.FirstFit(bytes);
  if (found == nullptr && AddSampleSpace()) found = free_in_samples_.FirstFit(bytes);
  LargeBlock* const block = CutRange(free_in_samples_, found, bytes, record);
  if (block != nullptr) block->in_samples = true;
  return block;
}

// Cuts the range from the beginning of one in the tree, if there is one.
LargeBlock* LargeSpace::CutRange(RangeTree& tree, RangeNode* found, size_t bytes,
                                 LargeBlock* record) {
  if (found == nullptr) {
    DropRecord(record);
    return nullptr;
  }
  record->begin = found->begin;
  record->end = found->begin + bytes;
  record->recyclable = true;
  if (found->bytes() == bytes) {
    tree.Erase(found);
    DropRecord(static_cast<LargeBlock*>(found));
  } else {
    found->begin += bytes;
    tree.Resized(found);
  }
  return record;
}

bool LargeSpace::AddSampleSpace() {
  if (!sample_space_.grows()) return false;
  if (!sample_space_.has_span()) {
    // For ever: nothing but samples is placed there. Where there is none, no piece can be mapped.
    LargeBlock* const span = TakeRange(SampleSpace::kSpanBytes);
    if (span != nullptr) {
      sample_space_.Use({span->begin, span->end});
      DropRecord(span);
    }
  }
  const AddressRange piece = sample_space_.MapPiece();
  AddFree(piece.begin, piece.end, true);
  return piece.begin != piece.end;
}

bool LargeSpace::ExtendRange(LargeBlock* block, size_t bytes) {
  if (!block->recyclable) return false;
  RangeNode* after = free_.AtOrAfter(block->end);
  if (after == nullptr || after->begin != block->end || after->bytes() <= bytes) return false;
  after->begin += bytes;
  free_.Resized(after);
  block->end += bytes;
  return true;
}

void LargeSpace::Retire(LargeBlock* block, bool waits, size_t quarantine_bytes) {
  if (!block->recyclable) {
    DropRecord(block);
    return;
  }
  if (!waits) {
    FreeRange(block);
    return;
  }
  Push(waiting_, block);
  while (waiting_.count > kMostWaiting ||
         (waiting_.bytes > quarantine_bytes && waiting_.count > kAlwaysWaiting)) {
    ReleaseOldest(waiting_);
  }
}

void LargeSpace::RetireSample(LargeBlock* block, size_t budget) {
  if (!block->recyclable) {
    DropRecord(block);
    return;
  }
  Push(waiting_samples_, block);
  while (waiting_samples_.bytes > budget && waiting_samples_.count > kAlwaysWaiting) {
    ReleaseOldest(waiting_samples_);
  }
}

void LargeSpace::Push(Queue& queue, LargeBlock* block) {
  block->next = nullptr;
  (queue.newest == nullptr ? queue.oldest : queue.newest->next) = block;
  queue.newest = block;
  queue.bytes += block->bytes();
  queue.count++;
}

void LargeSpace::ReleaseOldest(Queue& queue) {
  LargeBlock* block = queue.oldest;
  queue.oldest = block->next;
  if (queue.oldest == nullptr) queue.newest = nullptr;
  queue.bytes -= block->bytes();
  queue.count--;
  FreeRange(block);
}

void LargeSpace::TakeBack(LargeBlock* block, Claim claim) {
  const uintptr_t begin = block->begin;
  const uintptr_t end = block->end;
  switch (claim) {
    case Claim::kDone:
      Unmap(block);
      break;
    case Claim::kRefused:
      Retire(block, false, 0);
      break;
    case Claim::kOccupied:
      DropRecord(block);
      SplitAround(begin, end);
      break;
  }
}

// The range becomes free, or waits until it can be unmapped (a process may be out of mappings, of
// which a part of a larger one needs another).
bool LargeSpace::Unmap(LargeBlock* block) {
  if (platform::Release(block->map_begin, block->map_bytes())) {
    FreeRange(block);
    return true;
  }
  block->next = stuck_;
  stuck_ = block;
  return false;
}

bool LargeSpace::UnmapStuck() {
  LargeBlock* block = stuck_;
  if (block == nullptr) return false;
  stuck_ = block->next;
  return Unmap(block);
}

// Halves the range until the parts without an obstacle are known: each is claimed to find out.
void LargeSpace::SplitAround(uintptr_t begin, uintptr_t end) {
  if (end - begin <= kObstacleBytes) return;
  const uintptr_t middle = begin + AlignUp((end - begin) / 2, kPageBytes);
  for (const AddressRange half : {AddressRange{begin, middle}, AddressRange{middle, end}}) {
    LargeBlock* record = NewRecord();
    if (record == nullptr) return;  // no memory for records: the addresses are lost, nothing else
    record->begin = record->map_begin = half.begin;
    record->end = record->map_end = half.end;
    record->recyclable = true;
    // Refused: cannot tell, kept for later.
    TakeBack(record, platform::ClaimAt(half.begin, half.end - half.begin, platform::Access::kNone));
  }
}

}  // namespace bartizan
