// Asks the kernel for large pages where an array spans several: a batch drawn from anywhere then costs no page walks.
import Glibc

/// Memory for arrays.
enum LargePages {
    /// The size of a large page on x86-64, and on arm64 with small pages of 4 KiB.
    private static let byteCount = 1 << 21

    /// Uninitialised memory, to be given back with `deallocate`. Traps when memory is exhausted.
    ///
    /// Large pages are a wish: only those that the array fills whole are asked for, so no memory is lost, and where the
    /// kernel has none the small ones serve.
    static func allocate(byteCount wanted: Int, alignment: Int) -> UnsafeMutableRawPointer {
        guard wanted >= 2 * byteCount else {
            return UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: alignment)
        }
        let raw = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: byteCount)
        _ = madvise(raw, wanted / byteCount * byteCount, MADV_HUGEPAGE)
        return raw
    }
}
