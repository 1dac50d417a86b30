// Spelling of the compiler hints this code relies on, each with its reason.
#ifndef BARTIZAN_SRC_BASE_COMPILER_H_
#define BARTIZAN_SRC_BASE_COMPILER_H_

// The common path is one straight line: inlined even where the compiler's heuristic gives up.
#define BARTIZAN_INLINE [[gnu::always_inline]] inline
// Rare paths stay out of line so that they neither spill registers nor take instruction cache.
#define BARTIZAN_COLD [[gnu::noinline, gnu::cold]]
// As cold, of what returns to the common path: keeps its registers, so that it needs no frame.
#define BARTIZAN_COLD_RETURNING [[gnu::noinline, gnu::cold, clang::preserve_most]]
#define BARTIZAN_NOINLINE [[gnu::noinline]]
// Reads memory that another thread may be writing, and believes nothing of it unless the slot's
// state is afterwards what it was before: the thread sanitizer knows no such thing.
#define BARTIZAN_OPTIMISTIC_READ [[gnu::no_sanitize_thread]]
// Visible in the dynamic symbol table; everything else is hidden.
#define BARTIZAN_EXPORT [[gnu::visibility("default")]]

#endif  // BARTIZAN_SRC_BASE_COMPILER_H_
