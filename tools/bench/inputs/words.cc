// Counts words of its input: what the compilers are given to compile.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

struct Node {
  std::string word;
  std::map<std::string, int> after;
  std::vector<std::unique_ptr<Node>> children;
};

template <typename Key, typename Value>
std::vector<std::pair<Key, Value>> Sorted(const std::unordered_map<Key, Value>& map) {
  std::vector<std::pair<Key, Value>> sorted(map.begin(), map.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return sorted;
}

void Visit(const Node& node, const std::function<void(const Node&)>& visitor) {
  visitor(node);
  for (const auto& child : node.children) Visit(*child, visitor);
}

}  // namespace

std::vector<std::pair<std::string, int>> CountWords(const std::string& text) {
  std::unordered_map<std::string, int> counts;
  Node root;
  std::string word;
  std::string before;
  for (const char letter : text) {
    if (letter != ' ') {
      word += letter;
      continue;
    }
    ++counts[word];
    ++root.after[before.append("-").append(word)];
    auto child = std::make_unique<Node>();
    child->word = word;
    root.children.push_back(std::move(child));
    before = std::exchange(word, std::string());
  }
  Visit(root,
        [&counts](const Node& node) { counts[node.word] += static_cast<int>(node.after.size()); });
  return Sorted(counts);
}

std::map<std::string, std::vector<int>> Places(const std::vector<std::string>& words) {
  std::map<std::string, std::vector<int>> places;
  for (size_t i = 0; i < words.size(); ++i) places[words[i]].push_back(static_cast<int>(i));
  for (auto& [word, list] : places) std::reverse(list.begin(), list.end());
  return places;
}
