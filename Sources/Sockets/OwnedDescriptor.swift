// A file descriptor with one owner, closed exactly once.
import Glibc

/// Closes its descriptor when its owner lets go.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// Borrowed for calls; valid as long as the owner is.
    let raw: CInt

    /// Takes ownership of `raw`.
    init(_ raw: CInt) {
        self.raw = raw
    }

    deinit {
        // Nothing can be done about an error of close, and on Linux the descriptor is gone in every case.
        _ = Glibc.close(raw)
    }
}
