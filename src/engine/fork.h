// fork in a program with threads: the child must find every lock free and every structure whole.
#ifndef BARTIZAN_SRC_ENGINE_FORK_H_
#define BARTIZAN_SRC_ENGINE_FORK_H_

namespace bartizan {

// Registers the handlers. Those registered after ours run before ours and may allocate; those that
// a program managed to register earlier may too, for the forking thread can take its locks again.
//
// A fork from a signal handler that interrupted the allocator works where the C library promises
// it: in a process with one thread. With several, the handler may wait for a lock whose holder
// waits for the one that was interrupted.
void InstallForkHandlers();

// Whether this process was made by a fork and runs the same program since.
bool IsForkChild();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_FORK_H_
