// Bugs that made history, rebuilt in miniature: the mistake and the shape of its access, in code of
// our own. Each has one block size, that of the buffer.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "historic bug";

template <void (*kWrite)(char* block, size_t size)>
void Overflow(Run& run) {
  const Row row(run.size());
  WriteOutOf(run, row, row[Row::kBlocks / 2], kWrite);
}

// Heartbeat of OpenSSL 1.0.1: the answer copies as many bytes as the request claims to have.
void Heartbleed(Run& run) {
  const Row row(run.size());
  char* const record = row[Row::kBlocks / 2];
  run.Names(record);
  constexpr size_t kHeader = 3;
  constexpr uint16_t kClaimed = 16384;
  record[0] = 1;
  memcpy(record + 1, &kClaimed, sizeof kClaimed);
  uint16_t payload = 0;
  memcpy(&payload, Opaque(record) + 1, sizeof payload);
  static char answer[kHeader + UINT16_MAX];
  run.At(Moment::kAccess);
  run.Do([&] { memcpy(Opaque(answer), record + kHeader, Opaque(size_t{payload})); });
  run.At(Moment::kFree);
  row.FreeAllBut(nullptr);
}

// set_cmnd of sudo before 1.9.5p2: a backslash at an argument's end makes the copy step over its
// final zero, on into what lies behind: the environment.
void BaronSamedit(char* arguments, size_t size) {
  char memory[128];
  memset(memory, 'A', sizeof memory);
  // So long that its copy fills the buffer: what follows was counted by nobody.
  memory[size - 2] = '\\';
  memory[size - 1] = '\0';
  memset(memory + size, kDamage, sizeof memory - size - 1);
  memory[sizeof memory - 1] = '\0';
  const char* from = Opaque(memory);
  for (auto* to = static_cast<volatile char*>(arguments); *from != '\0';) {
    if (from[0] == '\\' && from[1] != ' ') ++from;
    *to++ = *from++;
  }
}

// BuildHuffmanTable of libwebp before 1.3.2: second-level tables for code lengths that no encoder
// makes need more room than was computed for all valid ones. Each is filled from its end, by steps.
void HuffmanTable(char* table, size_t size) {
  const size_t entries = size / sizeof(uint32_t);
  constexpr size_t kSecondLevel = 64;
  constexpr uint32_t kCode = 0x42424242;
  auto* const first = reinterpret_cast<volatile uint32_t*>(Opaque(table));
  for (size_t begin = 0; begin < entries; begin += kSecondLevel) {
    for (size_t step = kSecondLevel / 2; step != 0; step /= 2) {
      for (size_t end = kSecondLevel; end >= step; end -= step) first[begin + end - step] = kCode;
    }
  }
}

// do_SOCKS5 of curl before 8.4.0: a host name of more than 255 bytes should have been resolved
// here, but the state machine forgot that, and copies it into the buffer of the request.
void Socks5(char* request, size_t size) {
  constexpr size_t kHeader = 5;
  memcpy(Opaque(request) + kHeader, Source(), Opaque(size + 400));
}

// __vsyslog_internal of glibc 2.37: the buffer has room for the message without the program's name,
// which counted for nothing; then all of it is printed.
void Syslog(char* buffer, size_t) {
  static char name[1025];
  memset(name, kDamage, sizeof name - 1);
  const auto length = static_cast<size_t>(snprintf(nullptr, 0, "<14> %s: ", name));
  snprintf(Opaque(buffer), Opaque(length + 1), "<14> %s: ", name);
}

// b64decode of exim before 4.90.1: three bytes for each four, where there may be an unfinished
// four.
void Base64(char* decoded, size_t size) {
  const size_t written = Opaque(size + 2);
  auto* const to = static_cast<volatile char*>(Opaque(decoded));
  for (size_t i = 0; i < written; ++i) to[i] = kDamage;
}

constexpr Fault kFaults[] = {
    {"heartbleed", kGroup, "bounded_libc",
     "CVE-2014-0160, OpenSSL: copies 16 KiB from a short record", Heartbleed, 100, 100},
    {"baron_samedit", kGroup, "canaries",
     "CVE-2021-3156, sudo: a copy byte by byte runs past a string's end", Overflow<BaronSamedit>,
     24, 24},
    {"webp_huffman", kGroup, "canaries",
     "CVE-2023-4863, libwebp: fills a table that is larger than its memory, by steps",
     Overflow<HuffmanTable>, 1000, 1000},
    {"curl_socks5", kGroup, "canaries",
     "CVE-2023-38545, curl: copies a long host name into a buffer of fixed size", Overflow<Socks5>,
     1000, 1000},
    {"glibc_syslog", kGroup, "canaries",
     "CVE-2023-6246, glibc: prints what was never counted into a short buffer", Overflow<Syslog>, 8,
     8},
    {"exim_base64", kGroup, "canaries", "CVE-2018-6789, exim: decodes a byte or two more than fit",
     Overflow<Base64>, 24, 24},
};

}  // namespace

const FaultList kHistoricFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
