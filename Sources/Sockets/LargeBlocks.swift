// Memory that a burst of large bodies has used goes back to the system. Left alone, glibc takes what it is asked for by and by
// from heaps that only shrink from their ends: sixteen bodies of 16 MiB at once left 200 MiB that nothing used.
import CEventLoop

/// Has the allocator map large blocks one by one, and unmap each with its last use. Call once, before any load.
package func giveBackLargeBlocks() {
    // Either fails for a number that is out of range only. The first alone would leave the second at 128 KiB, which costs
    // calls to the system with every answer.
    _ = mallopt(M_MMAP_THRESHOLD, 256 << 10)
    _ = mallopt(M_TRIM_THRESHOLD, 4 << 20)
}
