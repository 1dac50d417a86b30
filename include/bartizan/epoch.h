/* Epochs: blocks that belong to one phase of a program's life, such as a request, a frame or a
 * batch. Blocks of different epochs never share a page: what a phase used goes back to the system
 * as its blocks are freed, and all at once when it is released.
 *
 *   bartizan_epoch request;
 *   bartizan_epoch_scope scope;
 *   bartizan_epoch_open("request", &request);
 *   bartizan_epoch_enter(request, 0, &scope);
 *   char* text = malloc(100);             // of the epoch, as all of this thread's, until:
 *   bartizan_epoch_leave(&scope);
 *   bartizan_epoch_release(request, NULL);  // frees text and all else of the epoch
 *
 * For C++ containers: new.h. malloc and free cost the same inside of a scope. A block may be freed
 * anywhere, at any time, by any thread, with free. Where realloc copies a block, the copy belongs
 * to what the thread is in; a block that stays where it is, or a large one, stays in its epoch. All
 * layers apply. Blocks of handles (handle.h) belong to no epoch.
 *
 * Life of an epoch: open; closing, which takes no new scopes or blocks (scopes that are entered
 * already go on); and, when the last of its blocks is freed, gone. An epoch is named by a number,
 * which is used again, and an era, which never is: functions refuse the name of one that is gone.
 *
 * Every function may be called from any thread, none from a signal handler. None changes errno
 * unless it says so. Statuses are of type bartizan_epoch_status. The limits: 2^20 - 1 epochs at a
 * time, and 32,766 for heaps, of which each thread has one and each epoch as many as threads were
 * in it at the same time.
 */
#ifndef BARTIZAN_EPOCH_H_
#define BARTIZAN_EPOCH_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bartizan_epoch {
  uint32_t id;       /* 0: no epoch */
  uint32_t reserved; /* 0 */
  uint64_t era;
} bartizan_epoch;

typedef enum bartizan_epoch_status {
  BARTIZAN_EPOCH_OK = 0,
  BARTIZAN_EPOCH_STALE = 1,            /* there is no such epoch (any more) */
  BARTIZAN_EPOCH_CLOSING = 2,          /* it takes nothing new */
  BARTIZAN_EPOCH_BUSY = 3,             /* scopes are open */
  BARTIZAN_EPOCH_NO_MEMORY = 4,        /* the system gives none, or a limit is reached */
  BARTIZAN_EPOCH_BAD_LABEL = 5,        /* longer than BARTIZAN_EPOCH_LABEL_BYTES */
  BARTIZAN_EPOCH_TOO_DEEP = 6,         /* more nested scopes than the option epoch_depth */
  BARTIZAN_EPOCH_NOT_INNERMOST = 7,    /* a scope that was entered later is still open */
  BARTIZAN_EPOCH_OTHER_THREAD = 8,     /* the scope is another thread's */
  BARTIZAN_EPOCH_NOT_INSIDE = 9,       /* the scope was left, or never entered */
  BARTIZAN_EPOCH_THREAD_IS_ENDING = 10 /* its destructors run already */
} bartizan_epoch_status;

/* "BARTIZAN_EPOCH_OK" and so on; for any other number "unknown". Static storage. */
const char* bartizan_epoch_status_name(bartizan_epoch_status status);

/* --- Epochs ----------------------------------------------------------------------------------- */

/* The longest label, in bytes, without the terminating zero. */
#define BARTIZAN_EPOCH_LABEL_BYTES 31

/* Opens an epoch. `label` is copied; NULL is "". BAD_LABEL, NO_MEMORY. */
bartizan_epoch_status bartizan_epoch_open(const char* label, bartizan_epoch* epoch);

/* What closing gave back, in bytes. Members are only ever added at the end. */
typedef struct bartizan_epoch_given_back {
  uint64_t live_blocks; /* that the epoch still has */
  uint64_t live_bytes;
  uint64_t committed_before; /* memory that may be resident */
  uint64_t committed_after;
  uint64_t resident_before; /* as the kernel counts it */
  uint64_t resident_after;
  uint64_t returned;      /* resident_before - resident_after, or 0 */
  uint64_t scopes_inside; /* not 0: memory goes back when they are left */
} bartizan_epoch_given_back;

/* From now on the epoch takes nothing new. Its memory without live blocks goes back at once, the
 * rest as blocks are freed. `given_back` may be NULL, which is faster. STALE, CLOSING. */
bartizan_epoch_status bartizan_epoch_close(bartizan_epoch epoch,
                                           bartizan_epoch_given_back* given_back);

/* Closes the epoch if it is open, and frees all its blocks at once, as the layers in force want it:
 * canaries are checked, the memory is gone, its addresses wait. What still uses one of its blocks
 * is then a bug as after free; free of one is reported as "use after release". BUSY while scopes
 * are open; STALE. */
bartizan_epoch_status bartizan_epoch_release(bartizan_epoch epoch,
                                             bartizan_epoch_given_back* given_back);

typedef struct bartizan_epoch_info {
  uint64_t struct_bytes; /* in: sizeof(bartizan_epoch_info) of the caller */
  char label[BARTIZAN_EPOCH_LABEL_BYTES + 1];
  uint32_t closing;         /* 1 or 0 */
  uint32_t scopes;          /* threads' scopes that are open */
  uint64_t live_blocks;     /* counted, not estimated */
  uint64_t live_bytes;      /* as requested */
  uint64_t committed_bytes; /* memory that may be resident */
  uint64_t age_ms;          /* since it was opened */
  uint64_t slabs;
} bartizan_epoch_info;

/* Looks at each slab of the epoch: microseconds for each MiB. Exact when no thread works in it
 * meanwhile. STALE; NO_MEMORY when struct_bytes is smaller than the first version's. */
bartizan_epoch_status bartizan_epoch_get_info(bartizan_epoch epoch, bartizan_epoch_info* info);

/* The epoch that a live block belongs to, with an id of 0 for none: `inside` points to any of its
 * bytes. The answer holds for as long as the caller keeps the block from being freed. */
bartizan_epoch bartizan_epoch_of(const void* inside);

/* All epochs that are open or closing: the first `count` names in *epochs, in no order. Returns how
 * many there are, which may be more. */
size_t bartizan_epoch_list(bartizan_epoch* epochs, size_t count);

/* --- Blocks ----------------------------------------------------------------------------------- */

/* As malloc, calloc and aligned_alloc, in that epoch, whichever scopes are open. NULL: *status says
 * why (STALE, CLOSING, NO_MEMORY, THREAD_IS_ENDING); `status` may be NULL. errno is set to ENOMEM
 * for NO_MEMORY and EINVAL for the others. */
void* bartizan_epoch_malloc(bartizan_epoch epoch, size_t size, bartizan_epoch_status* status);
void* bartizan_epoch_calloc(bartizan_epoch epoch, size_t count, size_t size,
                            bartizan_epoch_status* status);
void* bartizan_epoch_aligned_alloc(bartizan_epoch epoch, size_t alignment, size_t size,
                                   bartizan_epoch_status* status);

/* --- Threads and scopes ----------------------------------------------------------------------- */

/* All allocations of the calling thread outside of scopes belong to this epoch from now on; to none
 * when epoch.id is 0. A thread's end undoes it. STALE, CLOSING, NO_MEMORY; BUSY inside of a
 * scope. */
bartizan_epoch_status bartizan_epoch_make_current(bartizan_epoch epoch);

/* The epoch that the calling thread allocates in; with an id of 0 for none. */
bartizan_epoch bartizan_epoch_current(void);

/* A scope that is open. The caller keeps it; its members are the library's. */
typedef struct bartizan_epoch_scope {
  uint64_t serial;
  uint64_t thread;
  bartizan_epoch epoch;
} bartizan_epoch_scope;

/* Leaving closes the epoch if no other scope of it is open. */
#define BARTIZAN_EPOCH_CLOSE_ON_LEAVE 1u

/* Until the scope is left, all allocations of the calling thread belong to the epoch. Scopes nest,
 * also several of one epoch. STALE, CLOSING, NO_MEMORY, TOO_DEEP, THREAD_IS_ENDING. */
bartizan_epoch_status bartizan_epoch_enter(bartizan_epoch epoch, unsigned flags,
                                           bartizan_epoch_scope* scope);

/* Leaves a scope: the last one that the calling thread has entered. Anything else (NOT_INNERMOST,
 * OTHER_THREAD, NOT_INSIDE) changes nothing, and a line that names the scopes is written to where
 * reports go. A thread that ends inside of a scope leaves it, with such a line. */
bartizan_epoch_status bartizan_epoch_leave(const bartizan_epoch_scope* scope);

/* --- A ring of epochs ------------------------------------------------------------------------- */

#define BARTIZAN_EPOCH_RING_MOST 64u

/* Epochs one after the other, as for frames: the current one and some before. The caller keeps it,
 * and sees to it that one thread at a time uses it. */
typedef struct bartizan_epoch_ring {
  uint32_t slots;
  uint32_t position;
  char label[BARTIZAN_EPOCH_LABEL_BYTES + 1];
  bartizan_epoch epochs[BARTIZAN_EPOCH_RING_MOST];
} bartizan_epoch_ring;

/* A ring that remembers `slots` epochs, 2 to 64; 0 is 16. Its first epoch is open. BAD_LABEL,
 * NO_MEMORY, and TOO_DEEP for too many or too few slots. */
bartizan_epoch_status bartizan_epoch_ring_open(bartizan_epoch_ring* ring, uint32_t slots,
                                               const char* label);
/* The current epoch begins to close, and another one is open in the next place. NO_MEMORY: nothing
 * has changed. */
bartizan_epoch_status bartizan_epoch_ring_advance(bartizan_epoch_ring* ring);
/* The epoch that was current `steps` advances ago, 0 for the current one; with an id of 0 if the
 * ring does not go back so far. It may be gone: its name is then stale. */
bartizan_epoch bartizan_epoch_ring_at(const bartizan_epoch_ring* ring, uint32_t steps);
/* The current epoch begins to close. */
void bartizan_epoch_ring_close(bartizan_epoch_ring* ring);

#ifdef __cplusplus
} /* extern "C" */

#include <cstdlib>

namespace bartizan {

/* A scope of an epoch, left at the end of the C++ scope. As little as a lock's guard may it be
 * destroyed in another order or by another thread: that ends the process, after the line of
 * bartizan_epoch_leave. */
class EpochScope {
 public:
  explicit EpochScope(bartizan_epoch epoch, unsigned flags = 0)
      : status_(bartizan_epoch_enter(epoch, flags, &scope_)) {}
  ~EpochScope() {
    if (status_ == BARTIZAN_EPOCH_OK && bartizan_epoch_leave(&scope_) != BARTIZAN_EPOCH_OK) {
      std::abort();
    }
  }
  EpochScope(const EpochScope&) = delete;
  EpochScope& operator=(const EpochScope&) = delete;

  /* Anything but BARTIZAN_EPOCH_OK: the scope was not entered. */
  bartizan_epoch_status Status() const { return status_; }
  explicit operator bool() const { return status_ == BARTIZAN_EPOCH_OK; }

 private:
  bartizan_epoch_scope scope_ = {};
  bartizan_epoch_status status_;
};

} /* namespace bartizan */
#endif

#endif /* BARTIZAN_EPOCH_H_ */
