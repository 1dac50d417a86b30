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

  /* Behind the first form of this structure. */
  uint64_t slab_bytes;            /* address space of slabs */
  uint64_t idle_bytes;            /* of committed_bytes, free slots that are not cached */
  uint64_t full_slabs;            /* of slabs: no slot is free */
  uint64_t partly_used_slabs;     /* some are */
  uint64_t empty_slabs;           /* no block is in use */
  uint64_t pooled_slabs;          /* not of slabs: without heap and pages */
  uint64_t attached_heaps;        /* of heaps: a thread works with it */
  uint64_t large_mapped_bytes;    /* mappings of large blocks in use */
  uint64_t large_cached_bytes;    /* of cached_bytes: mappings of freed large blocks */
  uint64_t large_stuck_bytes;     /* mappings without pages that the kernel would not unmap */
  uint64_t refills_from_ring;     /* of refills: by slots that had waited long enough */
  uint64_t refills_from_remote;   /* by slots that other threads had freed */
  uint64_t refills_from_parked;   /* by free slots of slabs in use */
  uint64_t refills_from_uncarved; /* by slots that were never used */
  uint64_t refused_refills;       /* not at all: no memory, or no address space of the class */
  uint64_t slabs_taken;           /* from pools and fresh address space */
  uint64_t slabs_from_pool;       /* of these: from pools */
  uint64_t remote_notices;        /* slabs in which a thread freed for others and told the owner */
  uint64_t ring_spills;           /* full rings, emptied into slabs */
  uint64_t magazine_spills;       /* full magazines, emptied into slabs */
  uint64_t ticks;                 /* looks at the clock */
  uint64_t purges;                /* looks for memory to give back */
  uint64_t large_allocations;
  uint64_t large_frees;
  uint64_t system_calls;        /* for memory and locks */
  uint64_t failed_system_calls; /* of these: failed, or changed nothing */
  uint64_t contended_locks;     /* a lock was held by another thread */
  uint64_t slept_locks;         /* of these: until the thread slept */
  uint64_t samples;             /* of large_allocations: drawn by sampling, whatever their size */
  uint64_t sampled_blocks;      /* of large_live_blocks: the same */
  /* The control group, when it was last looked at: its limit (0: none), what cannot be taken back.
   */
  uint64_t container_limit_bytes;
  uint64_t container_used_bytes;
  uint64_t container_shrinks; /* times that caches and quarantine shrank for it */
  uint64_t catches;           /* heap errors that were caught, by layers and always */
  uint64_t live_handles;      /* handles that resolve */
  uint64_t handle_pins;
  uint64_t retired_handles; /* entries of the table that are issued no more */
  uint64_t handle_table_bytes;
  /* Estimated from samples, exact where every block is one: since the start of the process. */
  uint64_t allocated_blocks;
  uint64_t allocated_bytes;
  uint64_t peak_live_bytes; /* the most of live_bytes */
} bartizan_statistics;

/* Fills *statistics. Walks all slabs: milliseconds in a large process. Exact when no other thread
 * allocates or frees meanwhile. Returns 0, or -1 when struct_bytes is smaller than the first
 * version's. */
int bartizan_get_statistics(bartizan_statistics* statistics);

/* The same and more (each size class, thread cache, memory node, kind of system call) as one JSON
 * object or as Prometheus text; docs/statistics.md explains the numbers,
 * docs/statistics.schema.json describes the object. As snprintf: writes at most `size` bytes, a
 * final zero included, and returns the length of the whole text without it. Numbers move on between
 * two calls: leave some room. Neither allocates nor takes a lock; safe in a signal handler that has
 * 16 KiB of stack. */
size_t bartizan_statistics_json(char* buffer, size_t size);
size_t bartizan_statistics_prometheus(char* buffer, size_t size);

/* Bytes of slabs and large blocks that are in memory (RAM) now. Asks the kernel once for each,
 * which takes longer than the statistics: milliseconds for each 100 MiB of small blocks. */
uint64_t bartizan_resident_bytes(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BARTIZAN_BARTIZAN_H_ */
