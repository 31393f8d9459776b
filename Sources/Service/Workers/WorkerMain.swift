// The worker process: one order at a time on its main thread. It has no database and no network; whatever a document
// does to it costs that document's job and nothing else.
// For `timeval` and `timespec`: its headers declare them too, and the compiler may take them from there.
import COpenSSL
import ExpressionLanguage
import Foundation
import Glibc
import MultilevelOptimization
import ProblemSpecification
import Tensors

/// Runs a worker.
package enum WorkerMain {
    /// Serves orders until the supervisor is gone.
    package static func run() -> Never {
        closeInheritedDescriptors()
        lowerStanding()
        let threadBytes = WorkerLimits.warmUp() + MemberCrew.stackBytes + WorkerLimits.heapSlack
        let link = WorkerLink()
        let baseline = WorkerLimits.residentBytes
        link.start(beatEvery: 1)
        link.send(.ready)
        while true {
            switch link.nextOrder() {
            case .admit(let order):
                WorkerLimits.impose(processorSeconds: order.processorSeconds, memoryBytes: order.memoryBytes + baseline)
                let answer = AdmissionWork(order: order).perform()
                WorkerLimits.lift()
                link.send(.admitted(answer))
            case .profile(let order):
                WorkerLimits.impose(processorSeconds: order.processorSeconds, memoryBytes: order.memoryBytes + baseline)
                let answer = ProfileWork(order: order).perform()
                WorkerLimits.lift()
                link.send(.admitted(answer))
            case .solve(let order):
                let overhead = WorkerLimits.overhead(documentBytes: order.payload.count)
                WorkerLimits.impose(processorSeconds: nil, memoryBytes: order.memoryBytes + overhead + baseline)
                SolveWork(order: order, link: link, threadBytes: threadBytes).perform()
                WorkerLimits.lift()
            case .stop, .suspend: break
            }
        }
    }

    /// Every descriptor of the server is close-on-exec; this closes what a library may have opened without.
    private static func closeInheritedDescriptors() {
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for descriptor in open.compactMap({ Int32($0) }) where descriptor > WorkerLink.descriptor {
            close(descriptor)
        }
    }

    /// The first to be sacrificed when memory runs out, the last to be scheduled; Ctrl-C is the supervisor's business.
    private static func lowerStanding() {
        try? Data("1000".utf8).write(to: URL(fileURLWithPath: "/proc/self/oom_score_adj"))
        errno = 0
        _ = nice(10)
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }
}

/// Limits that the kernel holds a worker to.
enum WorkerLimits {
    /// What a thread's own heap leaves unused, amply.
    static let heapSlack = 16 << 20

    /// Makes BLAS take its buffers, which comes before any limit.
    ///
    /// - Returns: bytes of one thread's buffers.
    static func warmUp() -> Int {
        BLAS.configureSingleThread()
        let before = residentBytes
        BLAS.takeBuffers()
        return max(0, residentBytes - before)
    }

    /// What a process takes for a job beside what the job is priced at: the document as it is read, of which a number may take
    /// thirty times its letters, and the graphs that become programs.
    static func overhead(documentBytes: Int) -> Int { (64 << 20) + 32 * documentBytes }

    /// Bytes of private writable memory, as RLIMIT_DATA counts them.
    static var residentBytes: Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmData:") }
        return (line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first).flatMap { Int($0) }.map {
            $0 * 1024
        } ?? 0
    }

    /// Lowers the soft limits.
    static func impose(processorSeconds: Int?, memoryBytes: Int) {
        set(__rlimit_resource_t(RLIMIT_DATA.rawValue), soft: UInt(clamping: memoryBytes))
        if let processorSeconds {
            // POSIX counts a million to the second.
            let used = Int(clock()) / 1_000_000 + 1
            set(__rlimit_resource_t(RLIMIT_CPU.rawValue), soft: UInt(clamping: used + processorSeconds))
        }
    }

    /// Raises the limit of memory for threads beside the first, before they are made.
    static func makeRoom(forThreads count: Int, bytesOfEach bytes: Int) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
        let (sum, overflow) = limit.rlim_cur.addingReportingOverflow(UInt(clamping: count * bytes))
        set(__rlimit_resource_t(RLIMIT_DATA.rawValue), soft: overflow ? .max : sum)
    }

    /// Raises them to the hard limits again.
    static func lift() {
        for resource in [RLIMIT_DATA, RLIMIT_CPU] {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(resource.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
        }
    }

    private static func set(_ resource: __rlimit_resource_t, soft: UInt) {
        var limit = rlimit()
        getrlimit(resource, &limit)
        limit.rlim_cur = min(soft, limit.rlim_max)
        setrlimit(resource, &limit)
    }
}
