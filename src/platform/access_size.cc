// Opcodes by the tables of Intel's manual, volume 2, appendix A.
#include "src/platform/access_size.h"

namespace bartizan::platform {

#if defined(__x86_64__)

namespace {

struct Prefixes {
  bool operand_16 = false;  // 66
  bool f2 = false;
  bool f3 = false;
  bool wide = false;  // REX.W
};

// Reads prefixes: the first byte behind them.
const uint8_t* ReadPrefixes(const uint8_t* at, Prefixes* prefixes) {
  for (int i = 0; i < 10; ++i, ++at) {
    switch (*at) {
      case 0x66:
        prefixes->operand_16 = true;
        continue;
      case 0xf2:
        prefixes->f2 = true;
        continue;
      case 0xf3:
        prefixes->f3 = true;
        continue;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
      case 0x64:
      case 0x65:
      case 0x67:
      case 0xf0:
        continue;
      default:
        break;
    }
    break;
  }
  if ((*at & 0xf0) == 0x40) {
    prefixes->wide = (*at & 8) != 0;
    ++at;
  }
  return at;
}

size_t OperandBytes(const Prefixes& prefixes) {
  return prefixes.wide ? 8 : prefixes.operand_16 ? 2 : 4;
}

size_t OneByteOpcode(uint8_t opcode, const Prefixes& prefixes) {
  // add, or, adc, sbb, and, sub, xor, cmp: the lowest bit is clear for those of one byte.
  if (opcode < 0x40 && (opcode & 7) < 4) return (opcode & 1) != 0 ? OperandBytes(prefixes) : 1;
  switch (opcode) {
    case 0x63:  // movslq
      return 4;
    case 0x80:  // arithmetic with a constant
    case 0x84:  // test
    case 0x86:  // xchg
    case 0x88:  // mov
    case 0x8a:
    case 0xa4:  // movs
    case 0xaa:  // stos
    case 0xac:  // lods
    case 0xc6:  // mov of a constant
    case 0xf6:  // test, not, neg
    case 0xfe:  // inc, dec
      return 1;
    case 0x81:
    case 0x83:
    case 0x85:
    case 0x87:
    case 0x89:
    case 0x8b:
    case 0xa5:
    case 0xab:
    case 0xad:
    case 0xc7:
    case 0xf7:
      return OperandBytes(prefixes);
    default:
      return 0;
  }
}

// Behind 0f.
size_t TwoByteOpcode(uint8_t opcode, const Prefixes& prefixes) {
  const bool scalar = prefixes.f2 || prefixes.f3;
  switch (opcode) {
    case 0x10:  // movups, movupd, movss, movsd
    case 0x11:
      return !scalar ? 16 : prefixes.f3 ? 4 : 8;
    case 0x28:  // movaps
    case 0x29:
    case 0x2b:  // movntps
    case 0xe7:  // movntdq
      return 16;
    case 0x6f:  // movdqa, movdqu; without prefix, eight bytes
    case 0x7f:
      return prefixes.operand_16 || prefixes.f3 ? 16 : 8;
    case 0x12:  // movlps, movhps
    case 0x13:
    case 0x16:
    case 0x17:
    case 0xd6:  // movq
      return 8;
    case 0x6e:  // movd, movq
      return prefixes.wide ? 8 : 4;
    case 0x7e:
      return prefixes.f3 || prefixes.wide ? 8 : 4;
    case 0xb0:  // cmpxchg
    case 0xb6:  // movzb
    case 0xbe:  // movsb
    case 0xc0:  // xadd
      return 1;
    case 0xb7:  // movzw
    case 0xbf:  // movsw
      return 2;
    case 0xb1:
    case 0xc1:
    case 0xc3:  // movnti
      return OperandBytes(prefixes);
    default:
      return 0;
  }
}

// Vectors whose opcodes move whole ones, behind VEX or EVEX.
size_t VectorOpcode(uint8_t opcode, unsigned prefix, size_t whole) {
  switch (opcode) {
    case 0x10:
    case 0x11:
      return prefix == 2 ? 4 : prefix == 3 ? 8 : whole;
    case 0x28:
    case 0x29:
    case 0x2b:
    case 0x6f:
    case 0x7f:
    case 0xe7:
      return whole;
    case 0xd6:
      return 8;
    case 0x7e:
      return prefix == 2 ? 8 : 4;
    default:
      return 0;
  }
}

}  // namespace

size_t AccessBytes(const uint8_t* code) {
  Prefixes prefixes;
  const uint8_t* at = ReadPrefixes(code, &prefixes);
  switch (*at) {
    case 0x0f:
      return TwoByteOpcode(at[1], prefixes);
    case 0xc5:
      return VectorOpcode(at[2], at[1] & 3, (at[1] & 4) != 0 ? 32 : 16);
    case 0xc4:
      if ((at[1] & 31) != 1) return 0;
      return VectorOpcode(at[3], at[2] & 3, (at[2] & 4) != 0 ? 32 : 16);
    case 0x62:
      if ((at[1] & 7) != 1) return 0;
      return VectorOpcode(at[4], at[2] & 3, size_t{16} << (at[3] >> 5 & 3));
    default:
      return OneByteOpcode(*at, prefixes);
  }
}

#else

size_t AccessBytes(const uint8_t*) { return 0; }

#endif

}  // namespace bartizan::platform
