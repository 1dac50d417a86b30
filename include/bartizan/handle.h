/* Handles: 64-bit names of blocks. A handle resolves to its block until the block is freed, and to
 * nothing ever after, however often the memory and the handle's place are used again.
 *
 *   bartizan_handle name;
 *   if (bartizan_handle_malloc(64, &name) != BARTIZAN_HANDLE_OK) return;
 *   char* text = bartizan_handle_resolve(name);   // for as long as nobody frees it
 *   ...
 *   bartizan_handle_free(name);
 *   bartizan_handle_resolve(name);                // NULL, for ever
 *
 * A handle may be stored anywhere, copied, given to other threads and come back from outside. What
 * does not resolve (docs/handles.md says why):
 *
 *   for certain      0; a handle that was freed, by whomever, also before a fork in the child; a
 *                    handle in which one bit was turned over, or any odd number of bits of its
 * index but by chance    any other number: 1 in 2^39 for each try that names an entry in use, such
 * as a guess, a handle of another process, or one that was issued on the other side of a fork after
 * it
 *
 * A handle is issued from one of 2^24 - 1 entries, each of which issues 2^39 different handles; one
 * that has issued them all is retired. In a fork child, entries that were in use before are not
 * used again.
 *
 * The block is the handle's: only bartizan_handle_free frees it. free, realloc and
 * malloc_usable_size of its address are reported as invalid, which ends the process. All layers
 * apply to it; it costs 16 bytes more than one of malloc, or its alignment where that is more.
 *
 * Every function may be called from any thread. Only bartizan_handle_resolve, bartizan_handle_pin
 * and bartizan_handle_status_name may be called from a signal handler. None changes errno. Where a
 * handle races with its own free, see bartizan_handle_pin.
 */
#ifndef BARTIZAN_HANDLE_H_
#define BARTIZAN_HANDLE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t bartizan_handle;

/* Never a handle. */
#define BARTIZAN_NO_HANDLE ((bartizan_handle)0)

typedef enum bartizan_handle_status {
  BARTIZAN_HANDLE_OK = 0,
  /* not a live handle: freed, or never issued by this process */
  BARTIZAN_HANDLE_NOT_LIVE = 1,
  /* the system gives no memory; or the request is larger than any object may be; or another malloc
   * than Bartizan's serves this process */
  BARTIZAN_HANDLE_NO_MEMORY = 2,
  /* all entries are in use or retired */
  BARTIZAN_HANDLE_NO_ENTRY = 3,
  /* the alignment is no power of two */
  BARTIZAN_HANDLE_BAD_ALIGNMENT = 4,
  /* pinned 2^23 - 1 times already */
  BARTIZAN_HANDLE_TOO_MANY_PINS = 5
} bartizan_handle_status;

/* "BARTIZAN_HANDLE_OK" and so on; for any other number "unknown". Static storage. */
const char* bartizan_handle_status_name(bartizan_handle_status status);

/* A block of `size` bytes, aligned to 16, and its handle in *handle. A block of no bytes has a
 * handle and an address of its own, too. Anything but BARTIZAN_HANDLE_OK (NO_MEMORY, NO_ENTRY):
 * *handle is BARTIZAN_NO_HANDLE. */
bartizan_handle_status bartizan_handle_malloc(size_t size, bartizan_handle* handle);

/* The same for `count` objects of `size` bytes, all zero. NO_MEMORY too if the product does not
 * fit. */
bartizan_handle_status bartizan_handle_calloc(size_t count, size_t size, bartizan_handle* handle);

/* The same as bartizan_handle_malloc, aligned to `alignment`, a power of two. */
bartizan_handle_status bartizan_handle_aligned_alloc(size_t alignment, size_t size,
                                                     bartizan_handle* handle);

/* The block, or NULL if the handle is not live. Neither waits nor writes: a few loads. If another
 * thread frees the handle during the call, the result is one or the other, never another handle's
 * block. That nobody frees it afterwards is for the caller to see to; or for a pin. */
void* bartizan_handle_resolve(bartizan_handle handle);

/* Frees the block. The handle resolves no more when this returns; while it is pinned, the memory
 * stays until the last unpin. Of several threads that free one handle, one gets BARTIZAN_HANDLE_OK,
 * the others BARTIZAN_HANDLE_NOT_LIVE. */
bartizan_handle_status bartizan_handle_free(bartizan_handle handle);

/* Keeps the block from going away: until as many calls of bartizan_handle_unpin, from any threads,
 * the address in *block can be used, whoever frees the handle meanwhile. Anything but
 * BARTIZAN_HANDLE_OK (NOT_LIVE, TOO_MANY_PINS): nothing is pinned and *block is NULL.
 *
 * After a fork, the child has its own copy of the pins: those of threads that it does not have are
 * never undone there, and the memory of a block so pinned stays. */
bartizan_handle_status bartizan_handle_pin(bartizan_handle handle, void** block);

/* Undoes one bartizan_handle_pin. The last one frees the block if the handle was freed meanwhile.
 * An unpin of what is not pinned is reported as "invalid unpin", which ends the process (or, with
 * on_error=continue, does nothing). */
void bartizan_handle_unpin(bartizan_handle handle);

#ifdef __cplusplus
} /* extern "C" */

#include <new>
#include <type_traits>
#include <utility>

namespace bartizan {

template <class T>
class Handle;

/* Keeps a block for as long as it lives: bartizan_handle_pin and bartizan_handle_unpin. Moves, is
 * not copied. False if there is no such block. */
template <class T>
class Pin {
 public:
  Pin() = default;
  explicit Pin(Handle<T> handle) : handle_(handle) {
    void* block = nullptr;
    if (bartizan_handle_pin(handle.Value(), &block) == BARTIZAN_HANDLE_OK) {
      object_ = static_cast<T*>(block);
    }
  }
  Pin(Pin&& other) noexcept
      : handle_(other.handle_), object_(std::exchange(other.object_, nullptr)) {}
  Pin& operator=(Pin&& other) noexcept {
    if (this != &other) {
      Reset();
      handle_ = other.handle_;
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  ~Pin() { Reset(); }

  void Reset() {
    if (std::exchange(object_, nullptr) != nullptr) bartizan_handle_unpin(handle_.Value());
  }
  explicit operator bool() const { return object_ != nullptr; }
  T* Get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }

 private:
  Handle<T> handle_;
  T* object_ = nullptr;
};

/* A handle to a T: a value of eight bytes, which owns nothing. The block may go at the last unpin,
 * in whichever thread, where no destructor is run: T must need none. */
template <class T>
class Handle {
 public:
  constexpr Handle() = default;
  /* Of what Value() said, of a T. */
  constexpr explicit Handle(bartizan_handle value) : value_(value) {}

  /* A T made of the arguments; false, as a bool, if there is no memory for it. */
  template <class... Arguments>
  static Handle Make(Arguments&&... arguments) {
    static_assert(std::is_trivially_destructible<T>::value, "nobody would run the destructor");
    static_assert(std::is_nothrow_constructible<T, Arguments...>::value,
                  "nobody would free the block");
    bartizan_handle value = BARTIZAN_NO_HANDLE;
    if (bartizan_handle_aligned_alloc(alignof(T), sizeof(T), &value) == BARTIZAN_HANDLE_OK) {
      ::new (bartizan_handle_resolve(value)) T(std::forward<Arguments>(arguments)...);
    }
    return Handle(value);
  }

  /* The object, or nullptr: bartizan_handle_resolve. */
  T* Get() const { return static_cast<T*>(bartizan_handle_resolve(value_)); }
  Pin<T> Pinned() const { return Pin<T>(*this); }
  /* Whether this call freed it: bartizan_handle_free. */
  bool Free() const { return bartizan_handle_free(value_) == BARTIZAN_HANDLE_OK; }

  constexpr bartizan_handle Value() const { return value_; }
  /* Whether it is something else than BARTIZAN_NO_HANDLE; not whether it is live. */
  constexpr explicit operator bool() const { return value_ != BARTIZAN_NO_HANDLE; }
  friend constexpr bool operator==(Handle a, Handle b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Handle a, Handle b) { return a.value_ != b.value_; }

 private:
  bartizan_handle value_ = BARTIZAN_NO_HANDLE;
};

} /* namespace bartizan */
#endif

#endif /* BARTIZAN_HANDLE_H_ */
