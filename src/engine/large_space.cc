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
      AddFree(begin, map.begin);
      AddFree(map.end, span.end);
    } else {
      const bool inside = map.begin < begin && begin < map.end;
      AddFree(inside ? map.end : begin, span.end);
    }
  }
}

void LargeSpace::Reseed(RandomStream& random) {
  uint32_t key[RandomStream::kKeyWords];
  for (uint32_t& word : key) word = random.Next32();
  random_.Seed(key);
}

LargeBlock* LargeSpace::NewRecord() {
  if (records_ != nullptr) {
    LargeBlock* record = records_;
    records_ = record->next;
    *record = {};
    record->priority = random_.Next32();
    return record;
  }
  if (chunk_end_ - chunk_ < sizeof(LargeBlock)) {
    const uintptr_t place = ClaimMetadata(random_, kChunkBytes);
    if (place == 0) return nullptr;
    chunk_ = place;
    chunk_end_ = place + kChunkBytes;
  }
  auto* record = reinterpret_cast<LargeBlock*>(chunk_);
  chunk_ += sizeof(LargeBlock);
  record->priority = random_.Next32();
  return record;
}

void LargeSpace::DropRecord(LargeBlock* record) {
  record->next = records_;
  records_ = record;
}

void LargeSpace::AddFree(uintptr_t begin, uintptr_t end) {
  if (begin >= end) return;
  LargeBlock* record = NewRecord();
  if (record == nullptr) return;  // no memory for records: the addresses are lost, nothing else
  record->begin = begin;
  record->end = end;
  FreeRange(record);
}

void LargeSpace::FreeRange(LargeBlock* block) {
  RangeNode* before = free_.AtOrBefore(block->begin);
  if (before != nullptr && before->end == block->begin) {
    free_.Erase(before);
    block->begin = before->begin;
    DropRecord(static_cast<LargeBlock*>(before));
  }
  RangeNode* after = free_.AtOrAfter(block->end);
  if (after != nullptr && after->begin == block->end) {
    free_.Erase(after);
    block->end = after->end;
    DropRecord(static_cast<LargeBlock*>(after));
  }
  free_.Insert(block);
}

LargeBlock* LargeSpace::TakeRange(size_t bytes) {
  LargeBlock* record = NewRecord();
  if (record == nullptr) return nullptr;
  RangeNode* found = free_.FirstFit(bytes);
  // Waiting ranges are given up only for a request that they can help.
  while (found == nullptr && oldest_ != nullptr && bytes <= free_.longest() + waiting_bytes_) {
    ReleaseOldest();
    found = free_.FirstFit(bytes);
  }
  if (found == nullptr) {
    DropRecord(record);
    return nullptr;
  }
  record->begin = found->begin;
  record->end = found->begin + bytes;
  record->recyclable = true;
  if (found->bytes() == bytes) {
    free_.Erase(found);
    DropRecord(static_cast<LargeBlock*>(found));
  } else {
    found->begin += bytes;
    free_.Resized(found);
  }
  return record;
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
  block->next = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->next) = block;
  newest_ = block;
  waiting_bytes_ += block->bytes();
  waiting_count_++;
  while (waiting_count_ > kMostWaiting ||
         (waiting_bytes_ > quarantine_bytes && waiting_count_ > kAlwaysWaiting)) {
    ReleaseOldest();
  }
}

void LargeSpace::ReleaseOldest() {
  LargeBlock* block = oldest_;
  oldest_ = block->next;
  if (oldest_ == nullptr) newest_ = nullptr;
  waiting_bytes_ -= block->bytes();
  waiting_count_--;
  FreeRange(block);
}

void LargeSpace::RetireAroundObstacle(LargeBlock* block) {
  const uintptr_t begin = block->begin;
  const uintptr_t end = block->end;
  DropRecord(block);
  SplitAround(begin, end);
}

// Halves the range until the parts without an obstacle are known: each is claimed to find out.
void LargeSpace::SplitAround(uintptr_t begin, uintptr_t end) {
  if (end - begin <= kObstacleBytes) return;
  const uintptr_t middle = begin + AlignUp((end - begin) / 2, kPageBytes);
  for (const AddressRange half : {AddressRange{begin, middle}, AddressRange{middle, end}}) {
    const size_t bytes = half.end - half.begin;
    switch (platform::ClaimAt(half.begin, bytes, platform::Access::kNone)) {
      case Claim::kDone:
        platform::Release(half.begin, bytes);
        AddFree(half.begin, half.end);
        break;
      case Claim::kRefused:  // cannot tell: keep it for later
        AddFree(half.begin, half.end);
        break;
      case Claim::kOccupied:
        SplitAround(half.begin, half.end);
        break;
    }
  }
}

}  // namespace bartizan
