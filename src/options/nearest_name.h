// What a misspelt name probably meant.
#ifndef BARTIZAN_SRC_OPTIONS_NEAREST_NAME_H_
#define BARTIZAN_SRC_OPTIONS_NEAREST_NAME_H_

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace bartizan {

// Names longer than this are compared by nobody: no option or command is half as long.
inline constexpr size_t kLongestComparedName = 48;

// Insertions, deletions, replacements and exchanges of neighbours that turn `a` into `b`; more than
// any of the names' lengths when one is too long to compare.
constexpr size_t EditDistance(std::string_view a, std::string_view b) {
  if (a.size() > kLongestComparedName || b.size() > kLongestComparedName)
    return a.size() + b.size();
  size_t rows[3][kLongestComparedName + 1] = {};
  size_t* before = rows[0];
  size_t* previous = rows[1];
  size_t* current = rows[2];
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    size_t* const oldest = before;
    before = previous;
    previous = current;
    current = oldest;
  }
  return previous[b.size()];
}

// Keeps the best of the names it is offered; the first of equally good ones.
class NearestName {
 public:
  constexpr explicit NearestName(std::string_view wanted)
      // A third of the letters may be wrong: more is another word.
      : wanted_(wanted), best_(std::max<size_t>(1, wanted.size() / 3) + 1) {}

  constexpr void Offer(std::string_view name) {
    const size_t distance = EditDistance(wanted_, name);
    if (distance >= best_) return;
    best_ = distance;
    name_ = name;
  }

  // Empty when nothing is near.
  constexpr std::string_view name() const { return name_; }

 private:
  std::string_view wanted_;
  std::string_view name_;
  size_t best_;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_NEAREST_NAME_H_
