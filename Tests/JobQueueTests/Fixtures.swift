// Values the suites share.
import JobQueue

let noon = Timestamp(milliseconds: 1_800_000_000_000)

/// Counts up: chance that can be foreseen.
struct CountingGenerator: RandomNumberGenerator {
    var state: UInt64 = 0

    mutating func next() -> UInt64 {
        state += 1
        return state
    }
}

func makeJob(_ edit: (inout Job) -> Void = { _ in }) -> Job {
    var job = Job(Submission(id: JobID(bits: 1), owner: "ann", kind: "solve", payload: []), at: noon)
    edit(&job)
    return job
}

func makeEvent(_ seq: Int64, type: String = JobEvent.progressType, bytes: Int = 1) -> JobEvent {
    JobEvent(
        job: JobID(bits: 1), seq: seq, epoch: 1, type: type, time: noon, data: Array(repeating: 0, count: bytes))
}

func makeCheckpoint(epoch: Int64) -> CheckpointReference {
    CheckpointReference(epoch: epoch, name: "c", iteration: 1, byteCount: 1, writtenAt: noon)
}
