// Several runs in one job, as "sweep" and "restarts" ask for them: which members there are, and the document of each.

import MultilevelOptimization
import Tensors

/// The members of a job. Each is a document of its own, and its run is that of this document alone.
package struct EnsembleRequest: Sendable, Equatable {
    /// Members of one job, at the most.
    package static let memberLimit = 64

    /// What the members differ in beside their seeds; empty without a sweep.
    package var axes: [SweepAxis] = []
    /// Whether every value of an axis meets every value of the others; else the n-th meets the n-th.
    package var isProduct = true
    /// Runs of each point of the sweep, under seeds of their own; at least 1.
    package var restarts = 1
    /// How members are given up early; nil lets all run to their ends.
    package var halving: Halving?

    /// The memberwise initializer.
    package init(axes: [SweepAxis] = [], isProduct: Bool = true, restarts: Int = 1, halving: Halving? = nil) {
        self.axes = axes
        self.isProduct = isProduct
        self.restarts = restarts
        self.halving = halving
    }

    /// Points of the sweep; 1 without one. A number beyond the largest integer stays there.
    package var pointCount: Int {
        guard isProduct else { return axes.first?.values.count ?? 1 }
        return axes.reduce(1) { Self.product($0, $1.values.count) }
    }

    /// Members: points times restarts.
    package var memberCount: Int { Self.product(pointCount, restarts) }

    private static func product(_ first: Int, _ second: Int) -> Int {
        let (product, isOver) = first.multipliedReportingOverflow(by: second)
        return isOver ? .max : product
    }

    /// Member `index`: restarts of one point follow each other, and the last axis varies fastest among the points.
    ///
    /// - Precondition: `index` is in `0 ..< memberCount`.
    package func member(_ index: Int) -> EnsembleMember {
        var point = index / restarts
        var choices = axes.map { _ in point }
        if isProduct {
            for axis in axes.indices.reversed() {
                choices[axis] = point % axes[axis].values.count
                point /= axes[axis].values.count
            }
        }
        return EnsembleMember(index: index, restart: index % restarts, choices: choices)
    }

    /// The document of a member: `source` without the words that ask for several runs, with the member's values and, of
    /// restarts but the first, with a seed derived from the point's own.
    ///
    /// - Throws: ``JSONAssignmentError`` when a pointer leads nowhere.
    package func document(
        of member: EnsembleMember, in source: JSONValue
    ) throws(JSONAssignmentError) -> JSONValue {
        var document = JSONValue.object(
            (source.members ?? []).filter { !ProblemDocument.ensembleFields.contains($0.name) })
        for (axis, choice) in zip(axes, member.choices) {
            document = try axis.put(axis.values[choice], into: document)
        }
        guard member.restart > 0, let seed = Self.seed(in: document) else { return document }
        let derived = Self.seed(ofRestart: member.restart, from: seed)
        return try document.applying(JSONAssignment(path: ["seed"], value: .integer(Int(derived))))
    }

    /// The seed that a document gives; nil where it gives something else, which its decoder refuses.
    private static func seed(in document: JSONValue) -> UInt64? {
        guard let given = document["seed"] else { return 0 }
        guard let number = given.double, number >= 0, number == number.rounded(), number < 0x1p63 else { return nil }
        if case .integer(let whole) = given { return UInt64(whole) }
        return UInt64(number)
    }

    /// The seed of restart r ≥ 1 of a run under `seed`: the upper 53 bits of word r of its Philox stream "restarts", so
    /// that every reader of JSON has it exactly.
    package static func seed(ofRestart restart: Int, from seed: UInt64) -> UInt64 {
        var stream = RandomStream(seed: seed, stream: "restarts", counter: UInt64(restart))
        return stream.nextUInt64() >> 11
    }
}

/// A place in the document that a sweep changes, and its values there.
package struct SweepAxis: Sendable, Equatable {
    /// JSON pointer to the place.
    package let pointer: String
    /// Its steps, at least one.
    package let path: [String]
    /// At least one.
    package let values: [JSONValue]

    /// The memberwise initializer.
    package init(pointer: String, path: [String], values: [JSONValue]) {
        self.pointer = pointer
        self.path = path
        self.values = values
    }

    /// The document with `value` at the place. A method, or an axis of one, that the document gives by its name alone is
    /// an object with this name where the place lies inside it.
    ///
    /// - Throws: ``JSONAssignmentError`` when the path leads nowhere.
    func put(_ value: JSONValue, into document: JSONValue) throws(JSONAssignmentError) -> JSONValue {
        var document = document
        if path.first == "method" {
            for depth in 1..<path.count {
                let place = path.prefix(depth)
                guard let name = place.reduce(Optional(document), { $0?[$1] })?.text else { continue }
                let object = JSONValue.object([JSONMember(name: "name", value: .string(name))])
                document = try document.applying(JSONAssignment(path: Array(place), value: object))
            }
        }
        return try document.applying(JSONAssignment(path: path, value: value))
    }
}

/// Which run of a job.
package struct EnsembleMember: Sendable, Equatable {
    /// From 0.
    package let index: Int
    /// Which run of its point; 0 has the point's own seed.
    package let restart: Int
    /// Of each axis, the index of the value.
    package let choices: [Int]
}
