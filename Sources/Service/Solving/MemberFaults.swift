// The faults of all members as faults of their job's document: at the value of the sweep that causes them where one does, at
// their own place where all members have them.
import ExpressionLanguage
import ProblemSpecification

/// Collects the faults of members.
struct MemberFaults {
    private let request: EnsembleRequest
    /// Members that were looked at.
    private var seen: [EnsembleMember] = []
    /// Each fault once, in the order found, with those that have it.
    private var found: [(fault: Diagnostic, members: [EnsembleMember])] = []

    init(_ request: EnsembleRequest) { self.request = request }

    /// Takes what one member has.
    mutating func add(_ faults: [Diagnostic], of member: EnsembleMember) {
        if seen.last != member { seen.append(member) }
        for fault in faults {
            if let place = found.firstIndex(where: { $0.fault == fault }) {
                if found[place].members.last != member { found[place].members.append(member) }
            } else {
                found.append((fault, [member]))
            }
        }
    }

    /// The faults of the whole document.
    var diagnostics: Diagnostics {
        var diagnostics = Diagnostics()
        for (fault, members) in found {
            for placed in placed(fault, members) where !diagnostics.kept.contains(placed) {
                diagnostics.report(fault.severity, placed)
            }
        }
        return diagnostics
    }

    private func placed(_ fault: Diagnostic, _ members: [EnsembleMember]) -> [Diagnostic] {
        if let axis = request.axes.firstIndex(where: { Self.lies(fault.pointer, at: $0.pointer) }) {
            let rest = String(fault.pointer.dropFirst(request.axes[axis].pointer.count))
            return Set(members.map { $0.choices[axis] }).sorted().map {
                fault.moved(to: pointer(axis, $0) + rest)
            }
        }
        if members.count == seen.count { return [fault] }
        let note = "at \(fault.pointer.isEmpty ? "the top" : fault.pointer): "
        for axis in request.axes.indices {
            let choices = Set(members.map { $0.choices[axis] })
            let having = seen.filter { choices.contains($0.choices[axis]) }
            if having == members {
                return choices.sorted().map { fault.moved(to: pointer(axis, $0), saying: note) }
            }
        }
        return members.map { member in
            let values = zip(request.axes.indices, member.choices).map(pointer).joined(separator: " with ")
            return fault.moved(to: "/sweep/over", saying: "\(values): \(note)")
        }
    }

    private static func lies(_ pointer: String, at place: String) -> Bool {
        pointer == place || pointer.hasPrefix(place + "/")
    }

    private func pointer(_ axis: Int, _ choice: Int) -> String {
        JSONPointer.child(JSONPointer.child("/sweep/over", request.axes[axis].pointer), choice)
    }
}
