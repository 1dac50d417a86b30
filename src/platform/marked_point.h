// Where another thread may come between: what several threads read and write is accessed behind a
// marked point. It is nothing at all, except in a fuzz target that plays the threads
// (fuzz/threads.cc): that is compiled with BARTIZAN_MARKED_POINTS, and decides there who goes on.
#ifndef BARTIZAN_SRC_PLATFORM_MARKED_POINT_H_
#define BARTIZAN_SRC_PLATFORM_MARKED_POINT_H_

#ifndef BARTIZAN_MARKED_POINTS
#define BARTIZAN_MARKED_POINTS 0
#endif

namespace bartizan::platform {

#if BARTIZAN_MARKED_POINTS
void MarkedPoint();  // defined by the target
#else
[[gnu::always_inline]] inline void MarkedPoint() {}
#endif

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_MARKED_POINT_H_
