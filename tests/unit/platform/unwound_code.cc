#include "tests/unit/platform/unwound_code.h"

asm(R"(
.text
.globl CallWithFramePointer
.type CallWithFramePointer, @function
CallWithFramePointer:
  .cfi_startproc
  push %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  mov %rsp, %rbp
  .cfi_def_cfa_register %rbp
  call *%rdi
  pop %rbp
  .cfi_def_cfa %rsp, 8
  ret
  .cfi_endproc
.size CallWithFramePointer, .-CallWithFramePointer

.globl CallWithoutFramePointer
.type CallWithoutFramePointer, @function
CallWithoutFramePointer:
  .cfi_startproc
  push %rbx
  .cfi_def_cfa_offset 16
  .cfi_offset %rbx, -16
  push %rbp
  .cfi_def_cfa_offset 24
  .cfi_offset %rbp, -24
  sub $40, %rsp
  .cfi_def_cfa_offset 64
  mov $1, %ebp
  call *%rdi
  add $40, %rsp
  .cfi_def_cfa_offset 24
  pop %rbp
  .cfi_def_cfa_offset 16
  pop %rbx
  .cfi_def_cfa_offset 8
  ret
  .cfi_endproc
.size CallWithoutFramePointer, .-CallWithoutFramePointer

.globl CallWithLargeFrame
.type CallWithLargeFrame, @function
CallWithLargeFrame:
  .cfi_startproc
  sub $1000008, %rsp
  .cfi_def_cfa_offset 1000016
  call *%rdi
  add $1000008, %rsp
  .cfi_def_cfa_offset 8
  ret
  .cfi_endproc
.size CallWithLargeFrame, .-CallWithLargeFrame

.globl CallWithStoredFrameEnd
.type CallWithStoredFrameEnd, @function
CallWithStoredFrameEnd:
  .cfi_startproc
  lea 8(%rsp), %r10
  .cfi_def_cfa %r10, 0
  and $-64, %rsp
  push -8(%r10)
  push %rbp
  mov %rsp, %rbp
  .cfi_escape 0x10,0x6,0x2,0x76,0
  push %r10
  .cfi_escape 0xf,0x3,0x76,0x78,0x6
  sub $40, %rsp
  call *%rdi
  add $40, %rsp
  pop %r10
  .cfi_def_cfa %r10, 0
  pop %rbp
  lea -8(%r10), %rsp
  .cfi_def_cfa %rsp, 8
  ret
  .cfi_endproc
.size CallWithStoredFrameEnd, .-CallWithStoredFrameEnd
)");

extern "C" [[gnu::noinline]] void CallWithRealignedStack(CalledFunction* function) {
  alignas(256) volatile char block[256] = {};
  function();
  block[0] = 1;
}
