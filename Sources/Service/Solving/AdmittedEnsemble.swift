// The members of a job admitted: each checked in full as the document that it is, then forgotten but for what it is called
// and costs. A member is built anew when its turn comes.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Synchronization
import Tensors

/// The members of an admitted job.
package struct AdmittedEnsemble: Sendable {
    let members: [AdmittedMember]
    let schedule: EnsembleSchedule
    /// Members for which there is memory at once, at least 1.
    package let room: Int
    /// What the members select of data sets.
    let selections: [DatasetSelection]
    private let admission: EnsembleAdmission

    /// A member as a job of its own.
    ///
    /// - Throws: ``DocumentLoadError`` where its data sets are not there any more.
    func job(_ member: Int) throws(DocumentLoadError) -> AdmittedJob { try admission.job(member) }

    fileprivate init(
        _ admission: EnsembleAdmission, members: [AdmittedMember], schedule: EnsembleSchedule, room: Int,
        selections: [DatasetSelection]
    ) {
        self.admission = admission
        self.members = members
        self.schedule = schedule
        self.room = room
        self.selections = selections
    }
}

/// Admits the members of a document.
struct EnsembleAdmission: Sendable {
    private let loaded: LoadedDocument
    private let request: EnsembleRequest
    private let machineBytes: Int
    private let memory = DatasetMemory()
    private let documentSHA256: String

    init(_ loaded: LoadedDocument, _ request: EnsembleRequest, machineBytes: Int) {
        self.loaded = loaded
        self.request = request
        self.machineBytes = machineBytes
        documentSHA256 = loaded.sha256
    }

    /// Checks every point of the sweep; restarts of a point differ in their seeds alone.
    ///
    /// - Returns: the job: its first member, with all of them.
    func admit() throws(DocumentLoadError) -> AdmittedJob {
        var faults = MemberFaults(request)
        var selections: [DatasetSelection] = []
        var points: [(method: String, seed: UInt64)] = []
        var (price, iterations) = (MemoryPrice.none, 0)
        for point in 0..<request.pointCount {
            let member = request.member(point * request.restarts)
            do throws(DocumentLoadError) {
                let job = try self.job(member.index)
                faults.add(job.warnings.kept, of: member)
                if let same = sameness(of: job) { faults.add([same], of: member) }
                selections += job.selections.filter { !selections.contains($0) }
                points.append((job.method.name, job.document.seed))
                price = price.maximum(job.price)
                iterations = max(iterations, job.limits.iterations)
            } catch {
                guard case .faults(let found) = error else { throw error }
                faults.add(found.kept, of: member)
            }
        }
        var diagnostics = faults.diagnostics
        checkBudgets(price, &diagnostics)
        guard !diagnostics.hasErrors else { throw .faults(diagnostics) }
        var job = try self.job(0)
        job.warnings = diagnostics
        job.price = price.holding(states: request.memberCount - 1)
        job.document.limits = loaded.document.limits
        job.ensemble = AdmittedEnsemble(
            self, members: members(points),
            schedule: EnsembleSchedule(count: request.memberCount, halving: request.halving, iterations: iterations),
            room: 1 + (memoryBytes - job.price.totalBytes) / max(1, price.totalBytes), selections: selections)
        return job
    }

    private func members(_ points: [(method: String, seed: UInt64)]) -> [AdmittedMember] {
        (0..<request.memberCount).map { index in
            let member = request.member(index)
            let (method, seed) = points[index / request.restarts]
            return AdmittedMember(
                index: index, settings: request.settings(of: member),
                seed: member.restart == 0 ? seed : EnsembleRequest.seed(ofRestart: member.restart, from: seed),
                method: method)
        }
    }

    // MARK: - One member

    /// A member as a job of its own.
    func job(_ index: Int) throws(DocumentLoadError) -> AdmittedJob {
        let document = try document(index)
        memory.keep(only: document.document.problem)
        return try Admission.admitOne(
            document, machineBytes: machineBytes, documentSHA256: documentSHA256, memory: memory)
    }

    /// A member's document, under the limits that hold for it: the job's, of oracle calls an equal part.
    private func document(_ index: Int) throws(DocumentLoadError) -> LoadedDocument {
        let source: JSONValue
        do throws(JSONAssignmentError) {
            source = try request.document(of: request.member(index), in: loaded.source)
        } catch {
            // Every place was found when the document was read.
            throw .unreadable(error.message)
        }
        var document = try DocumentLoader.decode(source, datasets: loaded.datasets)
        var limits = loaded.document.limits
        if request.axes.contains(where: { $0.path.first == "limits" }) {
            limits.iterations = document.document.limits.iterations
        }
        limits.oracleCalls = limits.oracleCalls.map { $0 / request.memberCount }
        limits.oracleKinds = limits.oracleKinds.mapValues { $0 / request.memberCount }
        document.limit(to: limits)
        return document
    }

    // MARK: - What members have in common

    /// Why runs of a member under other seeds would be the same run; nil where they are not, or there are none.
    private func sameness(of job: AdmittedJob) -> Diagnostic? {
        let sweepsSeeds = request.axes.contains { $0.path == ["seed"] }
        guard request.restarts > 1 || sweepsSeeds, !job.method.drawsAtRandom,
            !job.document.problem.hasRandomStart
        else { return nil }
        let starts = "start: {\"uniform\": [-1, 1]} or {\"normal\": {\"scale\": 1}}"
        return Diagnostic(
            pointer: request.restarts > 1 ? "/restarts" : "/seed", code: .wrongArgument,
            message:
                "every start is given and \(job.method.name) draws nothing at random: runs under other seeds would be "
                + "the same run",
            hint: "give a variable a random \(starts), or sweep over starts")
    }

    /// That members may use together.
    private var memoryBytes: Int { min(loaded.document.limits.memoryBytes ?? .max, machineBytes) }

    private func checkBudgets(_ price: MemoryPrice, _ diagnostics: inout Diagnostics) {
        let count = request.memberCount
        let limits = loaded.document.limits
        if let least = ([limits.oracleCalls].compactMap { $0 } + limits.oracleKinds.values).min(), least < count {
            diagnostics.report(
                .error,
                Diagnostic(
                    pointer: "/limits/oracle_calls", code: .outOfRange,
                    message: "wanted at least one call for each of \(count) members, came \(least)"))
        }
        let whole = price.holding(states: count - 1).totalBytes
        guard !diagnostics.hasErrors, whole > memoryBytes else { return }
        diagnostics.report(
            .error,
            Diagnostic(
                pointer: request.axes.isEmpty ? "/restarts" : "/sweep", code: .limitExceeded,
                message:
                    "\(count) members need \(whole) bytes of memory, one run and the states of the others; the job may "
                    + "use \(memoryBytes)", hint: "ask for fewer members, or raise limits.memory_bytes"))
    }
}

/// Arrays of data sets that the next member reads as well.
final class DatasetMemory: Sendable {
    private let known = Mutex<[(selection: DatasetSelection, value: DataValue)]>([])

    /// Forgets what `problem` does not read.
    func keep(only problem: Problem) {
        let wanted = problem.selections
        known.withLock { known in known.removeAll { !wanted.contains($0.selection) } }
    }

    func value(_ selection: DatasetSelection) -> DataValue? {
        known.withLock { known in known.first { $0.selection == selection }?.value }
    }

    func remember(_ value: DataValue, of selection: DatasetSelection) {
        known.withLock { $0.append((selection, value)) }
    }
}

extension Problem {
    /// What its data select of data sets.
    var selections: [DatasetSelection] {
        data.compactMap { entry in
            if case .dataset(let selection) = entry.source { selection } else { nil }
        }
    }

    /// Whether a variable starts somewhere else under another seed.
    fileprivate var hasRandomStart: Bool {
        levels.contains { level in
            level.variables.contains { variable in
                switch variable.start {
                case .normal, .uniform: true
                case .number, .array, .formula: false
                }
            }
        }
    }
}

extension EnsembleRequest {
    /// Bytes of a value that is shown whole.
    private static let shownBytes = 200

    /// A member's values by pointer; long ones by their place in the list.
    fileprivate func settings(of member: EnsembleMember) -> [JSONMember] {
        zip(axes, member.choices).map { axis, choice in
            let value = axis.values[choice]
            let isShort = JSONWriter.bytes(value).count <= Self.shownBytes
            let place = JSONValue.object([JSONMember(name: "index", value: .integer(choice))])
            return JSONMember(name: axis.pointer, value: isShort ? value : place)
        }
    }
}
