// Dispatch opens an epoll and a timer of each clock when they are first needed, and ends the process (SIGILL) where no
// descriptor is left for them: a server has them opened while there are some.
import Dispatch

/// Returns when Dispatch has what it needs to wait by any clock: a few milliseconds. For whoever means to go on when
/// descriptors run out, before they do.
package func openDescriptorsOfDispatch() async {
    let moment = DispatchTimeInterval.milliseconds(1)
    // A sleep that is cancelled has opened them all the same.
    try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
    try? await Task.sleep(for: .milliseconds(1), clock: .suspending)
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + moment) { continuation.resume() }
    }
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(wallDeadline: .now() + moment) { continuation.resume() }
    }
}
