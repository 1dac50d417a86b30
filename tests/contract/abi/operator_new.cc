// Every replaceable operator new and delete: plain, array, nothrow, sized, aligned and their
// combinations; the new-handler loop and std::bad_alloc.
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include <new>
#include <vector>

#include "tests/support/arguments.h"
#include "tests/support/pattern.h"

namespace {

using std::align_val_t;
using std::nothrow;

constexpr size_t kSizes[] = {0, 1, 8, 24, 100, 1000, 4096, 20000, 262144, 3 << 20};
constexpr size_t kAlignments[] = {8, 16, 32, 64, 4096, 65536};
constexpr size_t kImpossible = static_cast<size_t>(PTRDIFF_MAX) + 1;

// Checks the block, then gives it to one way of deleting it.
template <typename Delete>
void TryOne(void* block, size_t size, size_t alignment, Delete release) {
  EXPECT(block != nullptr, "operator new(%zu) gave null", size);
  EXPECT(reinterpret_cast<uintptr_t>(block) % alignment == 0, "operator new gave %p", block);
  EXPECT(malloc_usable_size(block) >= size, "only %zu bytes usable", malloc_usable_size(block));
  test::FillSparse(block, size, size);
  test::CheckSparse("new block", test::Opaque(block), size, size);
  release(block);
}

void TryPlain(size_t n) {
  TryOne(operator new(n), n, 16, [](void* p) { operator delete(p); });
  TryOne(operator new(n), n, 16, [=](void* p) { operator delete(p, n); });
  TryOne(operator new(n), n, 16, [](void* p) { operator delete(p, nothrow); });
  TryOne(operator new(n, nothrow), n, 16, [](void* p) { operator delete(p); });
  TryOne(operator new(n, nothrow), n, 16, [=](void* p) { operator delete(p, n); });
  TryOne(operator new(n, nothrow), n, 16, [](void* p) { operator delete(p, nothrow); });
  TryOne(operator new[](n), n, 16, [](void* p) { operator delete[](p); });
  TryOne(operator new[](n), n, 16, [=](void* p) { operator delete[](p, n); });
  TryOne(operator new[](n), n, 16, [](void* p) { operator delete[](p, nothrow); });
  TryOne(operator new[](n, nothrow), n, 16, [](void* p) { operator delete[](p); });
  TryOne(operator new[](n, nothrow), n, 16, [=](void* p) { operator delete[](p, n); });
  TryOne(operator new[](n, nothrow), n, 16, [](void* p) { operator delete[](p, nothrow); });
}

void TryAligned(size_t n, size_t alignment) {
  align_val_t a{alignment};
  TryOne(operator new(n, a), n, alignment, [=](void* p) { operator delete(p, a); });
  TryOne(operator new(n, a), n, alignment, [=](void* p) { operator delete(p, n, a); });
  TryOne(operator new(n, a), n, alignment, [=](void* p) { operator delete(p, a, nothrow); });
  TryOne(operator new(n, a, nothrow), n, alignment, [=](void* p) { operator delete(p, a); });
  TryOne(operator new(n, a, nothrow), n, alignment, [=](void* p) { operator delete(p, n, a); });
  TryOne(operator new[](n, a), n, alignment, [=](void* p) { operator delete[](p, a); });
  TryOne(operator new[](n, a), n, alignment, [=](void* p) { operator delete[](p, n, a); });
  TryOne(operator new[](n, a), n, alignment, [=](void* p) { operator delete[](p, a, nothrow); });
  TryOne(operator new[](n, a, nothrow), n, alignment, [=](void* p) { operator delete[](p, a); });
  TryOne(operator new[](n, a, nothrow), n, alignment, [=](void* p) { operator delete[](p, n, a); });
}

int handler_calls = 0;

void GiveUpAfterThree() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

struct OwnFailure : std::bad_alloc {};

void ThrowOwnFailure() { throw OwnFailure(); }

// How often the handler ran, and whether std::bad_alloc came.
template <typename Allocate>
void ExpectBadAlloc(const char* what, Allocate allocate) {
  handler_calls = 0;
  std::set_new_handler(GiveUpAfterThree);
  bool thrown = false;
  try {
    test::Opaque(allocate(test::OpaqueSize(kImpossible)));
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  EXPECT(thrown, "%s of an impossible size did not throw", what);
  EXPECT(handler_calls == 3, "%s called the new-handler %d times", what, handler_calls);
  // The handler's own exception passes through.
  std::set_new_handler(ThrowOwnFailure);
  thrown = false;
  try {
    test::Opaque(allocate(test::OpaqueSize(kImpossible)));
  } catch (const OwnFailure&) {
    thrown = true;
  }
  EXPECT(thrown, "%s did not let the handler's exception through", what);
  std::set_new_handler(nullptr);
}

template <typename Allocate>
void ExpectNull(const char* what, Allocate allocate) {
  handler_calls = 0;
  std::set_new_handler(GiveUpAfterThree);
  EXPECT(allocate(test::OpaqueSize(kImpossible)) == nullptr, "%s gave a block", what);
  EXPECT(handler_calls == 3, "%s called the new-handler %d times", what, handler_calls);
  std::set_new_handler(ThrowOwnFailure);
  EXPECT(allocate(test::OpaqueSize(kImpossible)) == nullptr, "%s gave a block", what);
  std::set_new_handler(nullptr);
}

// A handler that frees memory so that the next attempt succeeds is hard to arrange with a real
// heap; one that replaces itself is what the standard asks to be read anew in each round.
void TryFailures() {
  align_val_t a{64};
  ExpectBadAlloc("new", [](size_t n) { return operator new(n); });
  ExpectBadAlloc("new[]", [](size_t n) { return operator new[](n); });
  ExpectBadAlloc("aligned new", [=](size_t n) { return operator new(n, a); });
  ExpectBadAlloc("aligned new[]", [=](size_t n) { return operator new[](n, a); });
  ExpectNull("nothrow new", [](size_t n) { return operator new(n, nothrow); });
  ExpectNull("nothrow new[]", [](size_t n) { return operator new[](n, nothrow); });
  ExpectNull("aligned nothrow new", [=](size_t n) { return operator new(n, a, nothrow); });
  ExpectNull("aligned nothrow new[]", [=](size_t n) { return operator new[](n, a, nothrow); });
}

void DeleteNull() {
  void* volatile none = nullptr;
  align_val_t a{64};
  operator delete(none);
  operator delete[](none);
  operator delete(none, size_t{8});
  operator delete[](none, size_t{8});
  operator delete(none, nothrow);
  operator delete[](none, nothrow);
  operator delete(none, a);
  operator delete[](none, a);
  operator delete(none, size_t{8}, a);
  operator delete[](none, size_t{8}, a);
  operator delete(none, a, nothrow);
  operator delete[](none, a, nothrow);
}

struct alignas(128) Overaligned {
  char bytes[200] = {};
  virtual ~Overaligned() = default;
};
struct Derived : Overaligned {
  char more[300] = {};
};

// The compiler's own calls: a virtual destructor passes the size of the derived class.
void TryExpressions() {
  for (int i = 0; i < 1000; ++i) {
    Overaligned* object = test::Opaque<Overaligned>(new Derived);
    EXPECT(reinterpret_cast<uintptr_t>(object) % 128 == 0, "new gave %p", object);
    delete object;
    Derived* array = test::Opaque(new Derived[7]);
    delete[] array;
    std::vector<Derived> vector(static_cast<size_t>(i % 50) + 1);
    test::Opaque(vector.data());
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  for (size_t size : kSizes) {
    for (int i = 0; i < 20; ++i) TryPlain(test::OpaqueSize(size));
    for (size_t alignment : kAlignments) TryAligned(test::OpaqueSize(size), alignment);
  }
  TryFailures();
  DeleteNull();
  TryExpressions();
  return 0;
}
