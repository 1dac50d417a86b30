#include "src/base/random.h"

#include <bit>

namespace bartizan {
namespace {

void QuarterRound(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d) {
  a += b, d = std::rotl(d ^ a, 16);
  c += d, b = std::rotl(b ^ c, 12);
  a += b, d = std::rotl(d ^ a, 8);
  c += d, b = std::rotl(b ^ c, 7);
}

// One ChaCha8 block with block counter `counter` and a zero nonce.
void Block(const uint32_t key[8], uint32_t counter, uint32_t out[16]) {
  const uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0], key[1],
                           key[2],     key[3],     key[4],     key[5],     key[6], key[7],
                           counter,    0,          0,          0};
  for (int i = 0; i < 16; ++i) out[i] = in[i];
  for (int round = 0; round < 4; ++round) {
    QuarterRound(out[0], out[4], out[8], out[12]);
    QuarterRound(out[1], out[5], out[9], out[13]);
    QuarterRound(out[2], out[6], out[10], out[14]);
    QuarterRound(out[3], out[7], out[11], out[15]);
    QuarterRound(out[0], out[5], out[10], out[15]);
    QuarterRound(out[1], out[6], out[11], out[12]);
    QuarterRound(out[2], out[7], out[8], out[13]);
    QuarterRound(out[3], out[4], out[9], out[14]);
  }
  for (int i = 0; i < 16; ++i) out[i] += in[i];
}

}  // namespace

void RandomStream::Refill() {
  for (size_t i = 0; i < kBlocks; ++i) {
    Block(key_, static_cast<uint32_t>(i), buffer_ + i * kBlockWords);
  }
  // The first words replace the key (fast key erasure), the rest is issued. No key is used twice,
  // so the counter starts anew with each.
  for (size_t i = 0; i < kKeyWords; ++i) {
    key_[i] = buffer_[i];
    buffer_[i] = 0;
  }
  next_ = kKeyWords;
}

}  // namespace bartizan
