// What the compilers are given: much of the standard library in one file, and a program that checks itself.
// Every part prints one line that ends in "ok"; a wrong result ends the program with status 1.

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <queue>
#include <ranges>
#include <regex>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : number_(seed) {}
  std::uint64_t Next() { return number_ = number_ * 16807 % 2147483647; }
  std::size_t Below(std::size_t limit) { return static_cast<std::size_t>(Next() % limit); }

 private:
  std::uint64_t number_;
};

void Expect(bool right, std::string_view part) {
  std::printf("%.*s %s\n", static_cast<int>(part.size()), part.data(), right ? "ok" : "WRONG");
  if (!right) std::exit(1);
}

// An expression as a tree of variants, evaluated by visiting.
struct Node;
using NodePtr = std::unique_ptr<Node>;
struct Number {
  std::int64_t value;
};
struct Sum {
  std::vector<NodePtr> terms;
};
struct Negation {
  NodePtr inner;
};
struct Node {
  std::variant<Number, Sum, Negation> form;
};

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};

NodePtr Grow(Draw& draw, int depth) {
  auto node = std::make_unique<Node>();
  if (depth == 0) {
    node->form = Number{static_cast<std::int64_t>(draw.Below(1000))};
  } else if (draw.Below(4) == 0) {
    node->form = Negation{Grow(draw, depth - 1)};
  } else {
    Sum sum;
    for (std::size_t i = 0; i < 2 + draw.Below(3); ++i) sum.terms.push_back(Grow(draw, depth - 1));
    node->form = std::move(sum);
  }
  return node;
}

std::int64_t Evaluate(const Node& node) {
  return std::visit(Overloaded{[](const Number& n) { return n.value; },
                               [](const Sum& s) {
                                 std::int64_t total = 0;
                                 for (const NodePtr& term : s.terms) total += Evaluate(*term);
                                 return total;
                               },
                               [](const Negation& n) { return -Evaluate(*n.inner); }},
                    node.form);
}

std::string Print(const Node& node) {
  return std::visit(Overloaded{[](const Number& n) { return std::to_string(n.value); },
                               [](const Sum& s) {
                                 std::string text = "(+";
                                 for (const NodePtr& term : s.terms) text += " " + Print(*term);
                                 return text + ")";
                               },
                               [](const Negation& n) { return "(- " + Print(*n.inner) + ")"; }},
                    node.form);
}

NodePtr Parse(std::string_view& text) {
  auto node = std::make_unique<Node>();
  if (text.substr(0, 2) == "(+") {
    text.remove_prefix(2);
    Sum sum;
    while (text.front() == ' ') {
      text.remove_prefix(1);
      sum.terms.push_back(Parse(text));
    }
    text.remove_prefix(1);
    node->form = std::move(sum);
  } else if (text.substr(0, 3) == "(- ") {
    text.remove_prefix(3);
    node->form = Negation{Parse(text)};
    text.remove_prefix(1);
  } else {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) throw std::invalid_argument(std::string(text));
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    node->form = Number{value};
  }
  return node;
}

void Trees() {
  Draw draw(3);
  bool right = true;
  for (int i = 0; i < 40; ++i) {
    const NodePtr tree = Grow(draw, 6);
    const std::string text = Print(*tree);
    std::string_view rest = text;
    right = right && Evaluate(*Parse(rest)) == Evaluate(*tree) && rest.empty();
  }
  Expect(right, "trees of variants");
}

void Maps() {
  Draw draw(5);
  std::map<std::string, std::vector<std::string>> ordered;
  std::unordered_map<std::string, std::vector<std::string>> hashed;
  for (int i = 0; i < 200000; ++i) {
    const std::string key = "key" + std::to_string(draw.Below(3000));
    if (draw.Below(5) == 0) {
      ordered.erase(key);
      hashed.erase(key);
    } else {
      const std::string value(draw.Below(200), static_cast<char>('a' + draw.Below(26)));
      ordered[key].push_back(value);
      hashed[key].push_back(value);
    }
  }
  Expect(ordered.size() == hashed.size(), "sizes of maps");
  Expect(std::ranges::all_of(ordered, [&](const auto& pair) { return hashed.at(pair.first) == pair.second; }),
         "contents of maps");
}

void Sequences() {
  Draw draw(9);
  std::vector<std::string> vector;
  std::deque<std::string> deque;
  std::list<std::string> list;
  for (int i = 0; i < 50000; ++i) {
    std::string text = std::to_string(draw.Next()) + std::string(draw.Below(40), '-');
    vector.push_back(text);
    deque.push_front(text);
    list.push_back(std::move(text));
  }
  std::ranges::sort(vector);
  std::ranges::sort(deque);
  list.sort();
  Expect(std::ranges::equal(vector, deque) && std::ranges::equal(vector, list), "sorted sequences");
}

void Shared() {
  struct Point {
    std::vector<std::shared_ptr<Point>> next;
    std::weak_ptr<Point> back;
    std::array<int, 7> load{};
  };
  Draw draw(21);
  std::vector<std::shared_ptr<Point>> points;
  for (int i = 0; i < 20000; ++i) {
    auto point = std::make_shared<Point>();
    if (!points.empty()) {
      point->next.push_back(points[draw.Below(points.size())]);
      point->back = points[draw.Below(points.size())];
    }
    points.push_back(std::move(point));
  }
  for (std::size_t i = 0; i < points.size(); i += 2) points[i].reset();
  std::size_t dead = 0;
  for (std::size_t i = 1; i < points.size(); i += 2) {
    if (points[i]->back.expired()) ++dead;
  }
  Expect(dead > 0 && dead < points.size() / 2, "shared and weak pointers");
}

void Patterns() {
  const std::regex pattern(R"((\w+)@(\w+)\.(org|net))");
  std::string text;
  for (int i = 0; i < 300; ++i) text += "user" + std::to_string(i) + "@host" + (i % 3 ? ".org " : ".com ");
  const auto begin = std::sregex_iterator(text.begin(), text.end(), pattern);
  Expect(std::distance(begin, std::sregex_iterator()) == 200, "patterns");
}

// Strings made by some threads and destroyed by others.
void Threads() {
  std::queue<std::string> waiting;
  std::mutex mutex;
  std::condition_variable changed;
  int producing = 3;
  std::size_t made = 0, taken = 0;
  std::vector<std::jthread> threads;
  for (int p = 0; p < 3; ++p) {
    threads.emplace_back([&, p] {
      Draw draw(static_cast<std::uint64_t>(p) + 31);
      for (int i = 0; i < 20000; ++i) {
        std::string text(draw.Below(600), 'x');
        const std::lock_guard lock(mutex);
        made += text.size();
        waiting.push(std::move(text));
        changed.notify_one();
      }
      const std::lock_guard lock(mutex);
      --producing;
      changed.notify_all();
    });
  }
  for (int c = 0; c < 2; ++c) {
    threads.emplace_back([&] {
      for (;;) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !waiting.empty() || producing == 0; });
        if (waiting.empty()) return;
        const std::string text = std::move(waiting.front());
        waiting.pop();
        taken += text.size();
      }
    });
  }
  threads.clear();
  Expect(made == taken && made > 0, "producers and consumers");
}

void Futures() {
  std::vector<std::future<std::uint64_t>> results;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    results.push_back(std::async(std::launch::async, [seed] {
      std::vector<std::uint64_t> numbers(1000);
      Draw draw(seed);
      std::ranges::generate(numbers, [&] { return draw.Next(); });
      return std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
    }));
  }
  std::set<std::uint64_t> sums;
  for (auto& result : results) sums.insert(result.get());
  Expect(sums.size() == 50, "futures");
}

void Paths() {
  constexpr std::size_t kSide = 120;
  Draw draw(77);
  std::vector<std::uint64_t> cost(kSide * kSide);
  std::ranges::generate(cost, [&] { return 1 + draw.Below(9); });
  std::vector<std::optional<std::uint64_t>> best(cost.size());
  using Step = std::pair<std::uint64_t, std::size_t>;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> open;
  open.emplace(0, 0);
  while (!open.empty()) {
    const auto [spent, at] = open.top();
    open.pop();
    if (best[at]) continue;
    best[at] = spent;
    if (at % kSide + 1 < kSide) open.emplace(spent + cost[at + 1], at + 1);
    if (at + kSide < cost.size()) open.emplace(spent + cost[at + kSide], at + kSide);
  }
  // Right and down only, so the same can be computed row by row.
  std::vector<std::uint64_t> row(cost.size());
  for (std::size_t at = 1; at < cost.size(); ++at) {
    const std::uint64_t left = at % kSide ? row[at - 1] : UINT64_MAX;
    const std::uint64_t above = at >= kSide ? row[at - kSide] : UINT64_MAX;
    row[at] = std::min(left, above) + cost[at];
  }
  Expect(best.back() == row.back(), "shortest paths");
}

void Streams() {
  std::ostringstream out;
  for (int i = 0; i < 20000; ++i) out << i << ' ' << i * 0.5 << '\n';
  std::istringstream in(out.str());
  std::int64_t sum = 0;
  int whole = 0;
  double half = 0;
  while (in >> whole >> half) sum += whole + static_cast<std::int64_t>(half * 2);
  Expect(sum == 2LL * 19999 * 20000 / 2, "streams");
}

void Exceptions() {
  int caught = 0;
  for (int i = 0; i < 5000; ++i) {
    try {
      const std::vector<std::string> held(static_cast<std::size_t>(i % 20), "held while unwinding, and longer than short");
      if (i % 2) throw std::runtime_error("number " + std::to_string(i));
      caught += held.at(1000).empty() ? 1 : 0;
    } catch (const std::out_of_range&) {
      ++caught;
    } catch (const std::runtime_error& error) {
      caught += std::string_view(error.what()).starts_with("number ") ? 1 : 0;
    }
  }
  Expect(caught == 5000, "exceptions");
}

void Resources() {
  struct alignas(256) Wide {
    std::array<std::uint8_t, 512> bytes{};
  };
  bool aligned = true;
  std::vector<std::unique_ptr<Wide>> wide;
  for (int i = 0; i < 2000; ++i) {
    wide.push_back(std::make_unique<Wide>());
    aligned = aligned && reinterpret_cast<std::uintptr_t>(wide.back().get()) % 256 == 0;
  }
  std::pmr::monotonic_buffer_resource buffer;
  std::pmr::unsynchronized_pool_resource pool(&buffer);
  std::pmr::map<int, std::pmr::string> map(&pool);
  for (int i = 0; i < 5000; ++i) map.emplace(i, std::pmr::string(static_cast<std::size_t>(i % 100), 'p'));
  const bool full = std::ranges::all_of(map, [](const auto& pair) {
    return pair.second.size() == static_cast<std::size_t>(pair.first % 100);
  });
  Expect(aligned && full, "aligned new and memory resources");
}

}  // namespace

int main() {
  Trees();
  Maps();
  Sequences();
  Shared();
  Patterns();
  Threads();
  Futures();
  Paths();
  Streams();
  Exceptions();
  Resources();
  return 0;
}
