// How many bytes an instruction accesses: of each sort that compilers make.
#include "src/platform/access_size.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace bartizan::platform {
namespace {

struct Instruction {
  const char* text;
  size_t bytes;
  uint8_t code[16];
};

TEST(AccessBytes, AreThoseOfTheInstruction) {
  for (const Instruction& instruction : std::initializer_list<Instruction>{
           {"movb $1, (%rax)", 1, {0xc6, 0x00, 0x01}},
           {"movw $1, (%rax)", 2, {0x66, 0xc7, 0x00, 0x01, 0x00}},
           {"movl $1, (%rax)", 4, {0xc7, 0x00, 0x01, 0x00, 0x00, 0x00}},
           {"movq $1, (%rax)", 8, {0x48, 0xc7, 0x00, 0x01, 0x00, 0x00, 0x00}},
           {"movb %sil, (%rax)", 1, {0x40, 0x88, 0x30}},
           {"movl (%rdi), %eax", 4, {0x8b, 0x07}},
           {"movq (%r8), %r9", 8, {0x4d, 0x8b, 0x08}},
           {"movzbl (%rax), %eax", 1, {0x0f, 0xb6, 0x00}},
           {"movswl (%rax), %eax", 2, {0x0f, 0xbf, 0x00}},
           {"movslq (%rax), %rax", 4, {0x48, 0x63, 0x00}},
           {"addl $1, (%rax)", 4, {0x83, 0x00, 0x01}},
           {"lock incq (%rax)", 0, {0xf0, 0x48, 0xff, 0x00}},
           {"lock cmpxchgq %rcx, (%rdx)", 8, {0xf0, 0x48, 0x0f, 0xb1, 0x0a}},
           {"cmpb $0, (%rax)", 1, {0x80, 0x38, 0x00}},
           {"subq (%rax), %rcx", 8, {0x48, 0x2b, 0x08}},
           {"rep movsb", 1, {0xf3, 0xa4}},
           {"rep stosq", 8, {0xf3, 0x48, 0xab}},
           {"movups (%rax), %xmm0", 16, {0x0f, 0x10, 0x00}},
           {"movss (%rax), %xmm0", 4, {0xf3, 0x0f, 0x10, 0x00}},
           {"movsd (%rax), %xmm0", 8, {0xf2, 0x0f, 0x10, 0x00}},
           {"movdqu %xmm0, (%rax)", 16, {0xf3, 0x0f, 0x7f, 0x00}},
           {"movq %xmm0, (%rax)", 8, {0x66, 0x0f, 0xd6, 0x00}},
           {"movd %xmm0, (%rax)", 4, {0x66, 0x0f, 0x7e, 0x00}},
           {"vmovdqu (%rax), %ymm0", 32, {0xc5, 0xfe, 0x6f, 0x00}},
           {"vmovdqu (%rax), %xmm0", 16, {0xc5, 0xfa, 0x6f, 0x00}},
           {"vmovdqu64 (%rax), %zmm16", 64, {0x62, 0xe1, 0xfe, 0x48, 0x6f, 0x00}},
           {"movb $1, %fs:(%rax)", 1, {0x64, 0xc6, 0x00, 0x01}},
           {"ret", 0, {0xc3}},
           {"vpcmpeqb (%rsi), %ymm0, %ymm1", 0, {0xc5, 0xfd, 0x74, 0x0e}},
       }) {
    EXPECT_EQ(AccessBytes(instruction.code), instruction.bytes) << instruction.text;
  }
}

}  // namespace
}  // namespace bartizan::platform
