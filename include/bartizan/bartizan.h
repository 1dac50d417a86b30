/* Bartizan's extended interface, for programs that run under it.
 *
 * A program that may run with or without Bartizan declares what it uses weak and tests for it:
 *
 *   #pragma weak bartizan_version
 *   if (&bartizan_version != NULL) printf("protected by %s\n", bartizan_version());
 *
 * Every function may be called from any thread. None may be called from a signal handler unless it
 * says so. None changes errno unless it says so.
 */
#ifndef BARTIZAN_BARTIZAN_H_
#define BARTIZAN_BARTIZAN_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "major.minor.patch". Static storage. Safe in a signal handler. */
const char* bartizan_version(void);

/* The name of the profile in force: "fast", "hardened" or "strict". Static storage. */
const char* bartizan_profile(void);

/* Whether the layer of that name (see `bartizan options`) is in force: 1, 0, or -1 when there is no
 * layer of that name. */
int bartizan_layer_in_force(const char* layer);

/* What a pointer points into. */
typedef struct bartizan_object {
  void* begin; /* the block's first byte */
  size_t size; /* bytes, as requested */
} bartizan_object;

/* Finds the live block that holds the address `inside`, which may point to any of its bytes or
 * just past the last; where another live block begins there, that one is found. 1 and fills
 * *object, or 0 when there is none. The answer holds for as long as the caller keeps the block from
 * being freed. */
int bartizan_find_object(const void* inside, bartizan_object* object);

/* Gives back all memory that is not in use, now rather than after the decay time: of the calling
 * thread and of threads that ended; of other threads when they next need memory. Returns 1 if
 * anything was given back, else 0. The same as malloc_trim(0). */
int bartizan_purge(void);

/* Gauges and counters. Bytes unless stated otherwise. Members are only ever added at the end. */
typedef struct bartizan_statistics {
  uint64_t struct_bytes;      /* in: sizeof(bartizan_statistics) of the caller */
  uint64_t live_blocks;       /* blocks in use */
  uint64_t live_bytes;        /* as requested */
  uint64_t quarantined_bytes; /* freed slots that wait */
  uint64_t cached_bytes;      /* free slots in thread caches, and cached large blocks */
  uint64_t free_bytes;        /* other free slots */
  uint64_t committed_bytes;   /* memory that may be resident: used slots and large blocks */
  uint64_t large_live_blocks; /* of live_blocks, those with a mapping of their own */
  uint64_t large_live_bytes;
  uint64_t large_waiting_bytes; /* address space of freed large blocks not yet reused */
  uint64_t heaps;               /* per-thread heaps, with and without a thread */
  uint64_t slabs;
  uint64_t refills;            /* slow paths of allocation */
  uint64_t remote_frees;       /* frees by other threads, as seen by the owners */
  uint64_t slabs_returned;     /* slabs whose pages were given back */
  uint64_t degraded_guards;    /* slabs and large blocks without their guard */
  uint64_t shortened_waits;    /* slots given up by the quarantine when memory was refused */
  uint64_t nodes;              /* NUMA nodes in use */
  uint64_t node_slab_bytes[8]; /* slabs by node; the last entry sums all further nodes */
} bartizan_statistics;

/* Fills *statistics. Walks all slabs: milliseconds in a large process. Exact when no other thread
 * allocates or frees meanwhile. Returns 0, or -1 when struct_bytes is smaller than the first
 * version's. */
int bartizan_get_statistics(bartizan_statistics* statistics);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BARTIZAN_BARTIZAN_H_ */
