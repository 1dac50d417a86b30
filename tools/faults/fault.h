// What a fault is, and what one run of it tells its parent.
#ifndef BARTIZAN_TOOLS_FAULTS_FAULT_H_
#define BARTIZAN_TOOLS_FAULTS_FAULT_H_

#include <cstddef>

namespace faults {

// Where in its run a program stands; what stops it there stops it at that moment.
enum class Moment { kPrepare, kAccess, kCall, kFree, kReuse, kExit };

// One run of one fault. A run may use what is declared in blocks.h.
class Run {
 public:
  Run(size_t size, bool second_thread);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Bytes of the block that the fault is about.
  size_t size() const { return size_; }
  bool has_second_thread() const { return second_thread_; }

  // The block, or the address, that reports should name.
  void Names(const void* address);
  void At(Moment moment);

  // Does `act()` in the second thread, if there is one, and returns when it is done. The thread
  // exists since before the first block of the fault, so that it comes between no two allocations.
  template <typename Act>
  void Do(Act act) {
    DoInThread([](void* object) { (*static_cast<Act*>(object))(); }, &act);
  }

 private:
  void DoInThread(void (*act)(void*), void* argument);

  const size_t size_;
  const bool second_thread_;
};

// How a run ends that was not stopped. The text is for people and for tables.
[[noreturn]] void Answered(const char* how);      // no harm: "reads zeros"
[[noreturn]] void Unnoticed(const char* what);    // the fault did what it could
[[noreturn]] void UnnoticedToTheEnd();            // returns from main, as it were
[[noreturn]] void Inapplicable(const char* why);  // nothing to try here
inline constexpr int kAnsweredStatus = 0;
inline constexpr int kUnnoticedStatus = 3;
inline constexpr int kInapplicableStatus = 4;

inline constexpr size_t kAnySize = ~size_t{0};

struct Fault {
  const char* name;
  const char* group;
  // The layer that answers, as options name it; "always" where no option switches it off; "none"
  // for what is no fault and must go through.
  const char* layer;
  // One sentence.
  const char* does;
  // Returns when the fault went unnoticed until the end of the program, unless it is of "none".
  void (*commit)(Run& run);
  // Block sizes for which it is a fault of its own.
  size_t least = 0;
  size_t most = kAnySize;
};

struct FaultList {
  const Fault* first;
  size_t count;
  const Fault* begin() const { return first; }
  const Fault* end() const { return first + count; }
};

// One list for each file of faults.
extern const FaultList kOverflowFaults;
extern const FaultList kUnderflowFaults;
extern const FaultList kDoubleFreeFaults;
extern const FaultList kInvalidFreeFaults;
extern const FaultList kResizeFaults;
extern const FaultList kStaleFaults;
extern const FaultList kFamilyFaults;
extern const FaultList kContentsFaults;
extern const FaultList kReuseFaults;
extern const FaultList kReferenceFaults;
extern const FaultList kRequestFaults;
extern const FaultList kHistoricFaults;
extern const FaultList kValidUses;

}  // namespace faults

#endif  // BARTIZAN_TOOLS_FAULTS_FAULT_H_
