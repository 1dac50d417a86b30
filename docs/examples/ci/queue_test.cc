#include <gtest/gtest.h>

#include <string>

// A queue of texts, with a mistake in it.
class Queue {
 public:
  ~Queue() {
    while (first_ != nullptr) Pop();
  }
  void Push(const std::string& text) {
    Item* const item = new Item{text, nullptr};
    (last_ == nullptr ? first_ : last_->next) = item;
    last_ = item;
  }
  std::string Pop() {
    Item* const item = first_;
    std::string text = item->text;
    delete item;
    first_ = item->next;
    if (first_ == nullptr) last_ = nullptr;
    return text;
  }

 private:
  struct Item {
    std::string text;
    Item* next;
  };
  Item* first_ = nullptr;
  Item* last_ = nullptr;
};

TEST(Queue, BeginsEmpty) { Queue queue; }

TEST(Queue, GivesWhatItTook) {
  Queue queue;
  queue.Push("one");
  EXPECT_EQ(queue.Pop(), "one");
}
