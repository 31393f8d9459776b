// Tells the thread sanitizer when a contended Swift `Mutex` is taken and given back.
//
// What is inlined of Mutex is instrumented with the program: an uncontended lock is seen. A contended one is taken inside
// libswiftSynchronization, by an instruction or by the kernel (FUTEX_LOCK_PI), and given back by the kernel; the library is
// not instrumented, so that its two functions seem to order nothing. These stand before them, call them, and say what they did.
#include "CMutexAnnotations.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

// Swift's convention: the lock itself is the context, in a register of its own.
typedef __attribute__((swiftcall)) void LockSlow(uint32_t thread, __attribute__((swift_context)) void *lock);
typedef __attribute__((swiftcall)) void UnlockSlow(__attribute__((swift_context)) void *lock);

LockSlow annotated_lock __asm__(LOCK_SLOW);
UnlockSlow annotated_unlock __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void annotated_lock(uint32_t thread, __attribute__((swift_context)) void *lock) {
    ((LockSlow *)dlsym(RTLD_NEXT, LOCK_SLOW))(thread, lock);
    __tsan_acquire(lock);
}

__attribute__((swiftcall)) void annotated_unlock(__attribute__((swift_context)) void *lock) {
    __tsan_release(lock);
    ((UnlockSlow *)dlsym(RTLD_NEXT, UNLOCK_SLOW))(lock);
}
#endif
#endif
