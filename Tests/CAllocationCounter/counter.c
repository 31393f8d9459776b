// Stands before glibc's allocation functions and counts their calls by thread.
#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTER_STANDS_BACK 1
#endif
#endif

// Unoptimised Swift takes 40 bytes for the iterator of every loop over an array. They are no allocation of the program's,
// and optimised code has none: there every block counts.
#if defined(__OPTIMIZE__)
#define SMALLEST_COUNTED 0
#else
#define SMALLEST_COUNTED 41
#endif

static _Thread_local long allocations;

static void count(size_t size) { allocations += size >= SMALLEST_COUNTED; }

long allocation_count(void) { return allocations; }

#if !defined(COUNTER_STANDS_BACK)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
    count(items * size);
    return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
    count(size);
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *const found = memalign(alignment, size);
    if (!found) return ENOMEM;
    *block = found;
    return 0;
}
#endif
