// Objects that several threads look at while another one replaces them: each looks under a pin, so
// nobody waits for the others, and what is replaced goes when the last one has looked.
//
//   c++ -std=c++17 shared_objects.cc libbartizan_static.a -lm
#include <bartizan/handle.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

struct Prices {
  explicit Prices(int first) noexcept {
    for (int i = 0; i < kCount; ++i) of[i] = first + i;
  }
  static constexpr int kCount = 100;
  int of[kCount];
};

using Name = bartizan::Handle<Prices>;

std::atomic<bartizan_handle> current{BARTIZAN_NO_HANDLE};
std::atomic<bool> done{false};

void Replace(int first) {
  const Name old(current.exchange(Name::Make(first).Value()));
  old.Free();  // resolves no more; the memory stays for those who are looking at it
}

// Sums of a whole table, never of parts of two. False: there was a wrong one.
bool Look() {
  constexpr int kOfIndices = Prices::kCount * (Prices::kCount - 1) / 2;
  while (!done) {
    const bartizan::Pin<Prices> prices = Name(current.load()).Pinned();
    if (!prices) continue;  // replaced in between: there is a new one
    int sum = 0;
    for (int price : prices->of) sum += price;
    if (sum != Prices::kCount * prices->of[0] + kOfIndices) return false;
  }
  return true;
}

}  // namespace

int main() {
  Replace(1);
  std::atomic<int> wrong{0};
  std::vector<std::thread> lookers;
  for (int i = 0; i < 3; ++i) lookers.emplace_back([&wrong] { wrong += Look() ? 0 : 1; });
  for (int i = 2; i < 20'000; ++i) Replace(i);
  done = true;
  for (std::thread& looker : lookers) looker.join();
  const Name last(current.load());
  std::printf("the last table begins with %d\n", last.Get()->of[0]);
  return wrong == 0 && last.Get()->of[0] == 19'999 && last.Free() && last.Get() == nullptr ? 0 : 1;
}
