// Works for a given time on one machine: `works NAME ROUNDS` prints a number that must not change.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

// The same in each run.
class Draws {
 public:
  uint32_t Below(uint32_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((state_ >> 33) % bound);
  }

 private:
  uint64_t state_ = 42;
};

std::string Word(Draws& draws) {
  std::string word;
  const uint32_t letters = 3 + draws.Below(30);
  for (uint32_t i = 0; i < letters; ++i) {
    word += static_cast<char>('a' + (i < 2 ? draws.Below(20) : i * letters % 26));
  }
  return word;
}

// A text is built, then read again and again, as text tools do.
uint64_t Words(Draws& draws) {
  constexpr int kWords = 1000, kPasses = 100;
  std::string text;
  for (int i = 0; i < kWords; ++i) text += Word(draws) + ' ';
  std::map<std::string, uint64_t, std::less<>> counts;
  for (int pass = 0; pass < kPasses; ++pass) {
    for (size_t begin = 0, end; (end = text.find(' ', begin)) != std::string::npos;) {
      const std::string_view word(text.data() + begin, end - begin);
      begin = end + 1;
      auto place = counts.find(word);
      if (place == counts.end()) place = counts.emplace(word, 0).first;
      place->second += pass;
    }
  }
  uint64_t sum = 0;
  for (const auto& [word, count] : counts) sum = sum * 31 + word.size() * count;
  return sum;
}

struct Node {
  uint64_t key;
  std::unique_ptr<Node> lower, higher;
};

std::unique_ptr<Node>& PlaceOf(std::unique_ptr<Node>& root, uint64_t key) {
  std::unique_ptr<Node>* place = &root;
  while (*place != nullptr && (*place)->key != key) {
    place = key < (*place)->key ? &(*place)->lower : &(*place)->higher;
  }
  return *place;
}

uint64_t Tree(Draws& draws) {
  std::unique_ptr<Node> root;
  for (int i = 0; i < 2000; ++i) {
    const uint64_t key = draws.Below(1u << 30);
    std::unique_ptr<Node>& place = PlaceOf(root, key);
    if (place == nullptr) place = std::make_unique<Node>(Node{key, nullptr, nullptr});
  }
  uint64_t found = 0;
  for (int i = 0; i < 500000; ++i) found += PlaceOf(root, draws.Below(1u << 30)) != nullptr;
  return found + root->key;
}

uint64_t Table(Draws& draws) {
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 200; ++i) {
    std::vector<double> row(64 + draws.Below(64));
    for (double& cell : row) cell = draws.Below(1000);
    std::sort(row.begin(), row.end());
    rows.push_back(std::move(row));
  }
  double sum = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < rows.size(); ++j) {
      const size_t shorter = std::min(rows[i].size(), rows[j].size());
      for (size_t k = 0; k < shorter; ++k) sum += rows[i][k] * rows[j][k];
    }
  }
  return static_cast<uint64_t>(sum / 1000);
}

struct Work {
  const char* name;
  uint64_t (*round)(Draws&);
};
constexpr Work kWorks[] = {{"words", Words}, {"tree", Tree}, {"table", Table}};

}  // namespace

int main(int argc, char** argv) {
  for (const Work& work : kWorks) {
    if (argc != 3 || strcmp(argv[1], work.name) != 0) continue;
    Draws draws;
    uint64_t sum = 0;
    for (long i = strtol(argv[2], nullptr, 10); i > 0; --i) sum = sum * 31 + work.round(draws);
    printf("%lu\n", sum);
    return 0;
  }
  fprintf(stderr, "usage: works words|tree|table ROUNDS\n");
  return 2;
}
