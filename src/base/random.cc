#include "src/base/random.h"

namespace bartizan {
namespace {

constexpr size_t kBlocks = 4;
constexpr size_t kBlockWords = 16;

// The same word of four blocks: they are computed side by side, which every processor can.
using Words = uint32_t __attribute__((vector_size(kBlocks * sizeof(uint32_t))));

template <int kBits>
Words Rotate(Words words) {
  return words << kBits | words >> (32 - kBits);
}
void QuarterRound(Words& a, Words& b, Words& c, Words& d) {
  a += b, d = Rotate<16>(d ^ a);
  c += d, b = Rotate<12>(b ^ c);
  a += b, d = Rotate<8>(d ^ a);
  c += d, b = Rotate<7>(b ^ c);
}

// ChaCha8 blocks 0 to 3 with a zero nonce, one after the other.
void MakeBlocks(const uint32_t key[8], uint32_t out[kBlocks * kBlockWords]) {
  const uint32_t in[kBlockWords] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0], key[1],
                                    key[2],     key[3],     key[4],     key[5],     key[6], key[7],
                                    0,          0,          0,          0};
  constexpr size_t kCounter = 12;
  Words state[kBlockWords];
  for (size_t i = 0; i < kBlockWords; ++i) state[i] = Words{} + in[i];
  state[kCounter] = Words{0, 1, 2, 3};
  const Words counter = state[kCounter];
  for (int round = 0; round < 4; ++round) {
    QuarterRound(state[0], state[4], state[8], state[12]);
    QuarterRound(state[1], state[5], state[9], state[13]);
    QuarterRound(state[2], state[6], state[10], state[14]);
    QuarterRound(state[3], state[7], state[11], state[15]);
    QuarterRound(state[0], state[5], state[10], state[15]);
    QuarterRound(state[1], state[6], state[11], state[12]);
    QuarterRound(state[2], state[7], state[8], state[13]);
    QuarterRound(state[3], state[4], state[9], state[14]);
  }
  state[kCounter] += counter;
  for (size_t i = 0; i < kBlockWords; ++i) {
    state[i] += in[i];
    for (size_t block = 0; block < kBlocks; ++block) out[block * kBlockWords + i] = state[i][block];
  }
}

}  // namespace

void RandomStream::Refill() {
  static_assert(kBufferWords == kBlocks * kBlockWords);
  MakeBlocks(key_, buffer_);
  // The first words replace the key (fast key erasure), the rest is issued. No key is used twice,
  // so the counter starts anew with each.
  for (size_t i = 0; i < kKeyWords; ++i) {
    key_[i] = buffer_[i];
    buffer_[i] = 0;
  }
  next_ = kKeyWords;
}

}  // namespace bartizan
