// Damaged archives are refused with a reason, and never trap or ask for memory.
import MultilevelOptimization
import Solvers
import Testing

@Suite struct StateArchiveTests {
    private static let identity = "document"

    /// One state for every layout: momentum, line search, batches; with every optional field and remark.
    private static func archives() throws -> [[UInt8]] {
        let methods: [MethodConfiguration] = [
            .itd(step: .automatic, steps: 5, upper: .projectedGradient(schedule: .constant(0.1), momentum: 0.5)),
            .aid(), .soba(lower: .power(initial: 0.1, exponent: 0.5), upper: .constant(0.1)),
        ]
        let problem = try RandomProblem(seed: 1, upper: 2, lower: 3).build()
        return try methods.map { method in
            let (run, _) = try #require(begin(problem, method, RunLimits(iterations: 3)))
            _ = drive(run)
            var state = run.state
            state.remarks = ["one", "zwei ü"]
            state.best.remarks = ["drei"]
            state.best.linearStatus = .indefinite(curvature: -1)
            state.best.lowerStatus = .diverged(quantity: .gradient, iteration: 7)
            return state.archive(identity: identity)
        }
    }

    private static func read(_ archive: [UInt8]) throws(StateArchiveError) -> SolverState {
        try SolverState(archive: archive, identity: identity)
    }

    /// The length and checksum (FNV-1a) that the fields of an archive ask for: damage that a checksum cannot see.
    private static func sealed(_ archive: [UInt8]) -> [UInt8] {
        let fields = archive.dropFirst(24)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in fields { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        func bytes(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        return archive[..<8] + bytes(UInt64(fields.count)) + bytes(hash) + fields
    }

    @Test func everyFieldSurvives() throws {
        for archive in try Self.archives() {
            #expect(Self.sealed(archive) == archive)
            #expect(try Self.read(archive).archive(identity: Self.identity) == archive)
        }
    }

    @Test func aChangedByteIsRefused() throws {
        for archive in try Self.archives() {
            for position in archive.indices {
                for flip: UInt8 in [0x01, 0x80, 0xFF] {
                    var damaged = archive
                    damaged[position] ^= flip
                    #expect(throws: StateArchiveError.self, "byte \(position)") { try Self.read(damaged) }
                }
            }
        }
    }

    @Test func aShorterOrLongerArchiveIsRefused() throws {
        for archive in try Self.archives() {
            for count in archive.indices {
                #expect(throws: StateArchiveError.self) { try Self.read(Array(archive[..<count])) }
            }
            #expect(throws: StateArchiveError.truncated) { try Self.read(archive + [0]) }
        }
    }

    @Test func reasonsAreNamed() throws {
        let archive = try Self.archives()[0]
        #expect(throws: StateArchiveError.notAState) { try Self.read([]) }
        #expect(throws: StateArchiveError.notAState) { try Self.read([UInt8](repeating: 0, count: 100)) }
        #expect(throws: StateArchiveError.otherProblem) { try SolverState(archive: archive, identity: "another") }
        var newer = archive
        newer[4] = 9
        #expect(throws: StateArchiveError.unsupportedVersion(found: 9, supported: 6)) { try Self.read(newer) }
        var altered = archive
        altered[archive.count - 1] ^= 1
        #expect(throws: StateArchiveError.checksumMismatch) { try Self.read(altered) }
        #expect(throws: StateArchiveError.invalidField("trailing bytes")) { try Self.read(Self.sealed(archive + [0])) }
    }

    /// Fields that were altered before the checksum was made: read as another state or refused, nothing else.
    @Test func alteredFieldsNeverTrap() throws {
        var refused = 0
        for archive in try Self.archives() {
            for position in 24..<archive.count {
                for value: UInt8 in [0x00, 0x05, 0x7F, 0xFF] {
                    var damaged = archive
                    damaged[position] = value
                    do throws(StateArchiveError) { _ = try Self.read(Self.sealed(damaged)) } catch { refused += 1 }
                }
            }
        }
        #expect(refused > 100)
    }

    /// Counts of Int.max, 2⁴⁰ and −1 wherever one may stand.
    @Test func hugeAndNegativeCountsAllocateNothing() throws {
        for archive in try Self.archives() {
            for position in 24...(archive.count - 8) {
                for count in [Int.max, 1 << 40, -1, .min] {
                    var damaged = archive
                    withUnsafeBytes(of: count.littleEndian) { bytes in
                        for (offset, byte) in bytes.enumerated() { damaged[position + offset] = byte }
                    }
                    do throws(StateArchiveError) {
                        let state = try Self.read(Self.sealed(damaged))
                        // What was read fits into what was there.
                        #expect(state.best.x.count <= archive.count / 8 && state.remarks.count <= archive.count / 8)
                    } catch {}
                }
            }
        }
    }
}
