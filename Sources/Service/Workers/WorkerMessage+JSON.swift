// Messages as JSON objects. Field by field, so that a worker of another version is told apart, not misread.
import DataFormats
import ProblemSpecification

extension WorkerOrder {
    var json: JSONValue {
        var object = JSONObjectBuilder()
        switch self {
        case .stop: object.add("order", "stop")
        case .suspend: object.add("order", "suspend")
        case .admit(let order):
            object.add("order", "admit")
            object.add("document", order.document.json)
            object.add("answer", order.answer)
            object.add("datasets", .array(order.datasets.map(JSONValue.string)))
            object.add("uploads", order.uploads.json)
            object.add("blobs", order.blobs)
            object.add("is_report", order.isReport)
            object.add("measures", order.measures)
            object.add("processor_seconds", order.processorSeconds)
            object.add("memory_bytes", order.memoryBytes)
            object.add("job_memory_bytes", order.jobMemoryBytes)
        case .profile(let order):
            object.add("order", "profile")
            object.add("file", order.file)
            object.add("format", order.format.rawValue)
            object.add("answer", order.answer)
            object.add("processor_seconds", order.processorSeconds)
            object.add("memory_bytes", order.memoryBytes)
        case .solve(let order):
            object.add("order", "solve")
            object.add("job", order.job)
            object.add("payload", order.payload.json)
            object.add("blobs", order.blobs)
            object.add("folder", order.folder)
            object.add("epoch", order.epoch)
            object.add("states", .array(order.states.map(JSONValue.string)))
            object.add("told", order.told.json)
            object.add("elapsed_seconds", order.elapsedSeconds)
            object.add("memory_bytes", order.memoryBytes)
            object.add("threads", order.threads)
            if let limits = order.limits { object.add("limits", limits) }
        }
        return object.value
    }

    package init?(_ json: JSONValue) {
        switch json["order"]?.text {
        case "stop": self = .stop
        case "suspend": self = .suspend
        case "admit":
            guard let document = Parcel(json["document"]), let answer = json["answer"]?.text,
                let datasets = json["datasets"]?.elements, let uploads = Parcel(json["uploads"]),
                let blobs = json["blobs"]?.text,
                let isReport = json["is_report"]?.flag, let measures = json["measures"]?.flag,
                let seconds = json["processor_seconds"]?.int, let memory = json["memory_bytes"]?.int,
                let jobMemory = json["job_memory_bytes"]?.int
            else { return nil }
            self = .admit(
                AdmitOrder(
                    document: document, answer: answer, datasets: datasets.compactMap(\.text), uploads: uploads,
                    blobs: blobs, isReport: isReport, measures: measures, processorSeconds: seconds,
                    memoryBytes: memory,
                    jobMemoryBytes: jobMemory))
        case "profile":
            guard let file = json["file"]?.text, let format = json["format"]?.text.flatMap(DatasetFormat.init),
                let answer = json["answer"]?.text, let seconds = json["processor_seconds"]?.int,
                let memory = json["memory_bytes"]?.int
            else { return nil }
            self = .profile(
                ProfileOrder(
                    file: file, format: format, answer: answer, processorSeconds: seconds, memoryBytes: memory))
        case "solve":
            guard let job = json["job"]?.text, let payload = Parcel(json["payload"]), let blobs = json["blobs"]?.text,
                let folder = json["folder"]?.text, let epoch = json["epoch"]?.int,
                let states = json["states"]?.elements, let told = ToldProgress(json["told"]),
                let elapsed = json["elapsed_seconds"]?.double,
                let memory = json["memory_bytes"]?.int, let threads = json["threads"]?.int
            else { return nil }
            self = .solve(
                SolveOrder(
                    job: job, payload: payload, blobs: blobs, folder: folder, epoch: epoch,
                    states: states.compactMap(\.text), told: told,
                    elapsedSeconds: elapsed, memoryBytes: memory, threads: threads, limits: json["limits"]))
        default: return nil
        }
    }
}

extension WorkerReport {
    var json: JSONValue {
        var object = JSONObjectBuilder()
        switch self {
        case .ready: object.add("report", "ready")
        case .admitted(let answer):
            object.add("report", "admitted")
            if let answer { object.add("answer", answer.json) }
        case .began(let iteration):
            object.add("report", "began")
            if let iteration { object.add("resumed_from", iteration) }
        case .progress(let data, let incumbent):
            object.add("report", "progress")
            object.add("data", data)
            if let incumbent { object.add("incumbent", incumbent) }
        case .warning(let data):
            object.add("report", "warning")
            object.add("data", data)
        case .member(let data):
            object.add("report", "member")
            object.add("data", data)
        case .checkpoint(let name, let iteration, let bytes):
            object.add("report", "checkpoint")
            object.add("name", name)
            object.add("iteration", iteration)
            object.add("bytes", bytes)
        case .finished(let result, let termination, let isSuccess, let detail):
            object.add("report", "finished")
            object.add("result", result.json)
            object.add("termination", termination)
            object.add("is_success", isSuccess)
            if let detail { object.add("detail", detail) }
        case .suspended: object.add("report", "suspended")
        case .nothingComputed: object.add("report", "nothing_computed")
        case .refused(let reason):
            object.add("report", "refused")
            object.add("reason", reason)
        case .beat(let work):
            object.add("report", "beat")
            object.add("work", work)
        }
        return object.value
    }

    package init?(_ json: JSONValue) {
        switch json["report"]?.text {
        case "ready": self = .ready
        case "admitted": self = .admitted(Parcel(json["answer"]))
        case "began": self = .began(resumedFrom: json["resumed_from"]?.int)
        case "progress":
            guard let data = json["data"] else { return nil }
            self = .progress(data: data, incumbent: json["incumbent"])
        case "warning":
            guard let data = json["data"] else { return nil }
            self = .warning(data: data)
        case "member":
            guard let data = json["data"] else { return nil }
            self = .member(data: data)
        case "checkpoint":
            guard let name = json["name"]?.text, let iteration = json["iteration"]?.int,
                let bytes = json["bytes"]?.int
            else { return nil }
            self = .checkpoint(name: name, iteration: iteration, bytes: bytes)
        case "finished":
            guard let result = Parcel(json["result"]), let termination = json["termination"]?.text,
                let isSuccess = json["is_success"]?.flag
            else { return nil }
            self = .finished(
                result: result, termination: termination, isSuccess: isSuccess, detail: json["detail"]?.text)
        case "suspended": self = .suspended
        case "nothing_computed": self = .nothingComputed
        case "refused": self = .refused(json["reason"]?.text ?? "")
        case "beat":
            guard let work = json["work"]?.int else { return nil }
            self = .beat(work: work)
        default: return nil
        }
    }
}

extension JSONValue {
    /// An integer; `nil` for anything else.
    var int: Int? { if case .integer(let value) = self { value } else { nil } }
    /// A boolean; `nil` for anything else.
    var flag: Bool? { if case .bool(let value) = self { value } else { nil } }
}
