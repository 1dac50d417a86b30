// Checks that the malloc in force keeps memory on the NUMA node of the thread that asked for it.
//
// Run under a preloaded malloc. For two nodes, in both directions, with an owner thread bound to
// one node and a visitor thread bound to the other:
//   allocate  the owner allocates, the visitor is the first to write: the pages must lie on the
//             owner's node, although first touch alone would put them on the visitor's;
//   visitor   the visitor frees the owner's blocks, then allocates the same sizes, which the owner
//             writes: the pages must lie on the visitor's node, so freed memory was not kept by it;
//   again     the owner allocates again, the visitor writes: the owner's node again.
// The threads of the second direction are new ones, so a heap left by a thread of the other node
// must not serve them as it is.
//
// Prints a table. Exit status: 0 all is well, or there is one node and nothing to check;
// 1 pages lie on the wrong node, or the check cannot be made.

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

// What the kernel or a neighbouring structure may cost: pages shared with the allocator's own data.
constexpr double kLeastShare = 0.95;

// A byte in each of these many is written: every page, without filling 100 MiB under emulation.
constexpr size_t kWriteStride = 512;

struct Request {
  size_t bytes;
  size_t blocks;
};

// Three slab sizes (the last one above a page) and two that get mappings of their own.
constexpr std::array<Request, 5> kRequests = {{
    {48, 8000},
    {1000, 4000},
    {20000, 2000},
    {300 * 1024, 60},
    {5 * 1024 * 1024, 8},
}};

struct Node {
  int id;
  cpu_set_t processors;  // Those that this process may use; never empty.
};

[[noreturn]] void Fail(const std::string& what) {
  std::printf("numa_place_test: %s\n", what.c_str());
  std::exit(EXIT_FAILURE);
}

// ---------------------------------------------------------------------------------------------
// The machine.

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The numbers of a kernel list such as "0-2,5"; empty for an empty or unreadable one.
std::vector<int> ParseList(std::string_view text) {
  std::vector<int> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    int first = 0;
    std::from_chars_result parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc()) break;
    int last = first;
    if (parsed.ptr < end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
    }
    for (int number = first; number <= last; ++number) numbers.push_back(number);
    at = parsed.ptr + 1;  // Past the comma.
  }
  return numbers;
}

// The nodes that have memory and a processor that this process may use.
std::vector<Node> UsableNodes() {
  const std::string folder = "/sys/devices/system/node/";
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) Fail("sched_getaffinity failed");
  std::vector<Node> nodes;
  for (int id : ParseList(FirstLine(folder + "has_memory"))) {
    Node node{id, {}};
    CPU_ZERO(&node.processors);
    for (int processor : ParseList(FirstLine(folder + "node" + std::to_string(id) + "/cpulist"))) {
      if (CPU_ISSET(processor, &allowed)) CPU_SET(processor, &node.processors);
    }
    if (CPU_COUNT(&node.processors) > 0) nodes.push_back(node);
  }
  return nodes;
}

// ---------------------------------------------------------------------------------------------
// Threads.

// A thread that is bound to a node before it runs its first instruction, so that no allocation of
// its own happens elsewhere. It does one piece of work after another, and lives until destroyed.
class BoundThread {
 public:
  explicit BoundThread(const Node& node) : node_(node) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof(node_.processors), &node_.processors);
    if (pthread_create(&thread_, &attributes, &BoundThread::Loop, this) != 0) {
      Fail("no thread can be started on node " + std::to_string(node_.id));
    }
    pthread_attr_destroy(&attributes);
  }

  ~BoundThread() {
    Do(nullptr);
    pthread_join(thread_, nullptr);
  }

  BoundThread(const BoundThread&) = delete;
  BoundThread& operator=(const BoundThread&) = delete;

  const Node& node() const { return node_; }

  // Runs `work` on this thread and waits for its end.
  void Run(const std::function<void()>& work) { Do(&work); }

 private:
  void Do(const std::function<void()>* work) {
    std::unique_lock lock(mutex_);
    work_ = work;
    pending_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !pending_; });
  }

  static void* Loop(void* self) {
    static_cast<BoundThread*>(self)->Serve();
    return nullptr;
  }

  void Serve() {
    for (bool more = true; more;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return pending_; });
      more = work_ != nullptr;
      if (more) {
        CheckPlace();
        (*work_)();
      }
      pending_ = false;
      changed_.notify_all();
    }
  }

  void CheckPlace() const {
    unsigned processor = 0;
    unsigned node = 0;
    if (syscall(SYS_getcpu, &processor, &node, nullptr) != 0) Fail("getcpu failed");
    if (static_cast<int>(node) != node_.id) {
      Fail("a thread bound to node " + std::to_string(node_.id) + " runs on node " +
           std::to_string(node));
    }
  }

  const Node node_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr;  // Null: the thread ends.
  bool pending_ = false;
  pthread_t thread_{};
};

// ---------------------------------------------------------------------------------------------
// Blocks.

using Blocks = std::vector<char*>;

void Allocate(const Request& request, Blocks& blocks) {
  blocks.clear();
  for (size_t i = 0; i < request.blocks; ++i) {
    auto* block = static_cast<char*>(std::malloc(request.bytes));
    if (block == nullptr) Fail("malloc(" + std::to_string(request.bytes) + ") gave nothing");
    blocks.push_back(block);
  }
}

void Write(const Request& request, const Blocks& blocks) {
  for (char* block : blocks) {
    volatile char* bytes = block;
    for (size_t at = 0; at < request.bytes; at += kWriteStride) bytes[at] = 'w';
    bytes[request.bytes - 1] = 'w';
  }
}

void Free(const Blocks& blocks) {
  for (char* block : blocks) std::free(block);
}

// The pages that the blocks touch, each once, in order.
std::vector<void*> PagesOf(const Request& request, const Blocks& blocks) {
  static const auto page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  std::vector<void*> pages;
  for (char* block : blocks) {
    const auto start = reinterpret_cast<uintptr_t>(block);
    for (uintptr_t page = start & ~(page_bytes - 1); page < start + request.bytes;
         page += page_bytes) {
      pages.push_back(reinterpret_cast<void*>(page));
    }
  }
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  return pages;
}

struct Placement {
  size_t pages = 0;
  size_t wanted = 0;   // On the node asked for.
  size_t unknown = 0;  // The kernel names no node: not resident, not mapped.

  double share() const { return static_cast<double>(wanted) / static_cast<double>(pages); }
  bool good() const { return share() >= kLeastShare; }
};

Placement PlacementOf(const std::vector<void*>& pages, int node) {
  // Without target nodes the call moves nothing and reports where each page is.
  std::vector<int> status(pages.size(), -1);
  std::vector<void*> addresses = pages;
  if (syscall(SYS_move_pages, 0, addresses.size(), addresses.data(), nullptr, status.data(), 0) !=
      0) {
    Fail(std::string("move_pages cannot be asked where pages are: ") + std::strerror(errno));
  }
  Placement placement;
  placement.pages = pages.size();
  placement.wanted = static_cast<size_t>(std::count(status.begin(), status.end(), node));
  placement.unknown = static_cast<size_t>(
      std::count_if(status.begin(), status.end(), [](int found) { return found < 0; }));
  return placement;
}

// The part of `pages` that was also in `before`: whether memory was used again at all.
double ReusedShare(const std::vector<void*>& pages, const std::vector<void*>& before) {
  std::vector<void*> both;
  std::set_intersection(pages.begin(), pages.end(), before.begin(), before.end(),
                        std::back_inserter(both));
  return static_cast<double>(both.size()) / static_cast<double>(pages.size());
}

// ---------------------------------------------------------------------------------------------
// The check.

// One line of the table: `asker` allocates, `writer` writes first; where are the pages?
class Step {
 public:
  Step(const char* name, const Request& request, BoundThread& asker, BoundThread& writer)
      : name_(name), request_(request), asker_(asker), writer_(writer) {
    blocks_.reserve(request.blocks);
  }

  // Returns whether the pages lie on the asker's node. `before`: pages whose reuse is of interest.
  bool Perform(const std::vector<void*>& before) {
    asker_.Run([this] { Allocate(request_, blocks_); });
    writer_.Run([this] { Write(request_, blocks_); });
    pages_ = PagesOf(request_, blocks_);
    const Placement placement = PlacementOf(pages_, asker_.node().id);
    std::printf("%8zu %7zu  %-9s %5d %6d %7zu %8.1f%% %8zu %7.1f%%  %s\n", request_.bytes,
                request_.blocks, name_, asker_.node().id, writer_.node().id, placement.pages,
                100 * placement.share(), placement.unknown, 100 * ReusedShare(pages_, before),
                placement.good() ? "good" : "WRONG NODE");
    std::fflush(stdout);
    return placement.good();
  }

  // The blocks are freed by a thread of the caller's choice.
  void FreeOn(BoundThread& thread) {
    thread.Run([this] { Free(blocks_); });
    blocks_.clear();
  }

  const std::vector<void*>& pages() const { return pages_; }

 private:
  const char* const name_;
  const Request& request_;
  BoundThread& asker_;
  BoundThread& writer_;
  Blocks blocks_;
  std::vector<void*> pages_;
};

bool CheckSize(const Request& request, BoundThread& owner, BoundThread& visitor) {
  static const std::vector<void*> kNothing;
  Step first("allocate", request, owner, visitor);
  Step away("visitor", request, visitor, owner);
  Step again("again", request, owner, visitor);
  bool good = first.Perform(kNothing);
  first.FreeOn(visitor);
  good &= away.Perform(first.pages());
  good &= again.Perform(first.pages());
  away.FreeOn(visitor);
  again.FreeOn(owner);
  return good;
}

bool CheckDirection(const Node& home, const Node& other) {
  BoundThread owner(home);
  BoundThread visitor(other);
  bool good = true;
  for (const Request& request : kRequests) good &= CheckSize(request, owner, visitor);
  return good;
}

int Check(const std::vector<Node>& nodes) {
  std::printf("   bytes  blocks  step      asker writer   pages  on asker  unknown  reused\n");
  // The higher node first: a malloc that serves everyone from node 0 fails at the first line.
  bool good = CheckDirection(nodes[1], nodes[0]);
  good &= CheckDirection(nodes[0], nodes[1]);
  std::printf("%s: at least %.0f%% of the pages must lie on the node of the thread that asked\n",
              good ? "good" : "FAILED", 100 * kLeastShare);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

// The value of --require-nodes=N, 1 without it; nothing for a command line that is wrong.
std::optional<size_t> RequiredNodes(int argc, char** argv) {
  constexpr std::string_view kFlag = "--require-nodes=";
  if (argc == 1) return 1;
  const std::string_view argument = argv[1];
  size_t number = 0;
  if (argc > 2 || !argument.starts_with(kFlag)) return std::nullopt;
  const char* const end = argument.data() + argument.size();
  const auto parsed = std::from_chars(argument.data() + kFlag.size(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<size_t> required = RequiredNodes(argc, argv);
  if (!required) Fail("usage: numa_place_test [--require-nodes=N] (fail on a smaller machine)");
  const std::vector<Node> nodes = UsableNodes();
  if (nodes.size() < *required) {
    Fail("this machine has " + std::to_string(nodes.size()) + " usable nodes, " +
         std::to_string(*required) + " are required");
  }
  if (nodes.size() < 2) {
    std::printf(
        "numa_place_test: nothing to check: fewer than two NUMA nodes have memory and a "
        "processor that this process may use\n");
    return EXIT_SUCCESS;
  }
  return Check(nodes);
}
