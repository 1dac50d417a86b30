// Functions that call another from frames of all kinds.
#ifndef BARTIZAN_TESTS_UNIT_PLATFORM_UNWOUND_CODE_H_
#define BARTIZAN_TESTS_UNIT_PLATFORM_UNWOUND_CODE_H_

using CalledFunction = void();

extern "C" {
void CallWithFramePointer(CalledFunction* function);
void CallWithoutFramePointer(CalledFunction* function);
void CallWithLargeFrame(CalledFunction* function);
void CallWithRealignedStack(CalledFunction* function);
// As gcc does it where it realigns a stack: the frame's end is stored below fp, and nowhere else.
void CallWithStoredFrameEnd(CalledFunction* function);
}

#endif  // BARTIZAN_TESTS_UNIT_PLATFORM_UNWOUND_CODE_H_
