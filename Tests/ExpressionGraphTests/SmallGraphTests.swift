// Thousands of small random graphs: values, gradients and Hessian products, each against something slower or simpler.
// STRESS=50 in the environment makes fifty times as many.
import ExpressionGraph
import Tensors
import Testing

import class Foundation.ProcessInfo

/// How exact results are, relative to the largest numbers on the way.
struct Exactness {
    let values: Double
    let transposition: Double
    let differences: Double
    /// Steps of the differences, which must agree with one another before anything is held against them.
    let steps: (Double, Double)

    static let float64 = Exactness(values: 1e-12, transposition: 1e-10, differences: 2e-6, steps: (2e-5, 1e-5))
}

@Suite struct SmallGraphTests {
    static let chunkSize = 50
    static let chunks = 0..<40 * max(Int(ProcessInfo.processInfo.environment["STRESS"] ?? "") ?? 1, 1)
    private let exactness = Exactness.float64

    private func graphs(_ chunk: Int) -> [(seed: Int, graph: RandomGraph)] {
        (chunk * Self.chunkSize..<(chunk + 1) * Self.chunkSize).map { index in
            let seed = 10_000 + index
            return (seed, RandomGraph(seed: seed, size: 10 + index % 9, rows: [1, 2, 3, 5, 0][index % 5]))
        }
    }

    /// Fused and unfused programs against the reference evaluator.
    @Test(arguments: chunks) func valuesAgreeWithTheReference(_ chunk: Int) {
        var count = 0
        for (seed, random) in graphs(chunk) {
            #expect(GraphVerifier(random.graph).violations() == [], "seed \(seed)")
            let expected = Expectation(random.graph, random.outputs, random.values)
            for options in [allOptions[0]] + (seed % 3 == 0 ? [allOptions[3]] : []) {
                let program = Program(random.graph, outputs: random.outputs, options: options)
                #expect(program.plan.violations() == [], "seed \(seed) \(options)")
                for (input, value) in random.values { program.set(input, to: value) }
                program.run()
                expected.expectClose(program, exactness.values, "seed \(seed) \(options)")
            }
            count += 1
        }
        #expect(count == Self.chunkSize)
    }

    /// Every operation is among them, often enough to meet scalars and arrays without elements.
    @Test func everyOperationOccurs() {
        var counts: [String: Int] = [:]
        var empty: Set<String> = []
        for chunk in 0..<20 {
            for (_, random) in graphs(chunk) {
                for id in random.graph.reachable(from: random.outputs) {
                    let name = OperationName.of(random.graph.operation(id))
                    counts[name, default: 0] += 1
                    let sizes = random.graph.shape(id).sizes { _ in random.rows }
                    if sizes.contains(0) { empty.insert(name) }
                }
            }
        }
        for name in OperationName.all { #expect(counts[name, default: 0] >= 5, "\(name): \(counts[name, default: 0])") }
        // Of these every result holds numbers.
        let missing = OperationName.all.subtracting(empty).subtracting([
            "extremum", "logSumExp", "logDeterminant", "tan",
        ])
        #expect(missing.isEmpty, "never empty: \(missing.sorted())")
    }

    // MARK: - Derivatives

    /// Gradients against differences of values, Hessian products against differences of gradients, and both against
    /// their transposes.
    @Test(arguments: chunks) func derivativesAgreeWithDifferences(_ chunk: Int) {
        var (checked, kinked) = (0, 0)
        for (seed, random) in graphs(chunk).prefix(Self.chunkSize / 4) {
            let problem = DerivativeProblem(random, seed: seed)
            problem.expectTransposes(exactness.transposition)
            for isClose in problem.agreeWithDifferences(exactness) {
                guard let isClose else {
                    kinked += 1
                    continue
                }
                #expect(isClose, "seed \(seed)")
                checked += 1
            }
        }
        // Near a kink differences of two steps disagree, and say nothing.
        #expect(checked >= 20 && checked + kinked == Self.chunkSize / 4 * 2, "\(checked) of \(checked + kinked)")
    }
}

/// A random graph's first output with its gradient and two Hessian products.
struct DerivativeProblem {
    private let seed: Int
    private let leaves: [NodeID]
    private let inputs: [NodeID: ReferenceArray]
    private let directions: [[NodeID]]
    private let program: Program

    init(_ random: RandomGraph, seed: Int) {
        var graph = random.graph
        var inputs = random.values
        var numbers = SplitMix(seed)
        let leaves = random.leaves
        let directions = (0..<2).map { _ in
            leaves.map { leaf in
                let tangent = graph.addInput("t", shape: graph.shape(leaf), role: .value)
                inputs[tangent] = numbers.array(random.values[leaf]!.sizes, in: -1...1)
                return tangent
            }
        }
        let scalar = random.outputs[0]
        let gradient = graph.gradient(of: scalar, at: leaves)
        let tangents = directions.map { Dictionary(uniqueKeysWithValues: zip(leaves, $0)) }
        let slope = graph.linearize([scalar], along: tangents[0])
        let products = tangents.flatMap { graph.linearize(gradient, along: $0) }
        #expect(GraphVerifier(graph).violations() == [], "seed \(seed)")
        program = Program(graph, outputs: [scalar] + slope + gradient + products)
        #expect(program.plan.violations() == [], "seed \(seed)")
        for (input, value) in inputs { program.set(input, to: value) }
        (self.seed, self.leaves, self.inputs, self.directions) = (seed, leaves, inputs, directions)
    }

    /// f, f′(v), ∇f, H v and H w, arrays joined, with the leaves moved along v.
    private func results(_ step: Double) -> [[Double]] {
        for (leaf, tangent) in zip(leaves, directions[0]) {
            program.set(leaf, to: inputs[leaf]!.zip(inputs[tangent]!) { $0 + step * $1 })
        }
        program.run()
        let all = program.results
        func joined(_ part: Int) -> [Double] {
            let first = 2 + part * leaves.count
            return Array(all[first..<first + leaves.count].joined())
        }
        return [all[0], all[1], joined(0), joined(1), joined(2)]
    }

    private func direction(_ index: Int) -> [Double] { directions[index].flatMap { inputs[$0]!.values } }

    /// f′(v) = ⟨∇f, v⟩ and ⟨H v, w⟩ = ⟨H w, v⟩.
    func expectTransposes(_ tolerance: Double) {
        let values = results(0)
        let (v, w) = (direction(0), direction(1))
        let scales = [size(values[2], v), size(values[3], w)]
        #expect(abs(values[1][0] - dot(values[2], v)) <= tolerance * scales[0], "seed \(seed): forward and reverse")
        #expect(abs(dot(values[3], w) - dot(values[4], v)) <= tolerance * scales[1], "seed \(seed): symmetry")
    }

    /// Whether f′(v) and H v are the differences of f and ∇f; `nil` where two steps give two differences.
    func agreeWithDifferences(_ exactness: Exactness) -> [Bool?] {
        let exact = results(0)
        let (wide, narrow) = (difference(exactness.steps.0), difference(exactness.steps.1))
        func agrees(_ value: [Double], _ part: Int, scale: Double) -> Bool? {
            let bound = exactness.differences * max(scale, norm(value))
            if distance(wide[part], narrow[part]) > bound { return nil }
            return distance(value, narrow[part]) <= 2 * bound
        }
        return [agrees(exact[1], 0, scale: size(exact[2], direction(0))), agrees(exact[3], 2, scale: 1)]
    }

    private func difference(_ step: Double) -> [[Double]] {
        let (after, before) = (results(step), results(-step))
        return zip(after, before).map { x, y in zip(x, y).map { ($0 - $1) / (2 * step) } }
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double { norm(zip(a, b).map { $0 - $1 }) }

    private func norm(_ x: [Double]) -> Double { dot(x, x).squareRoot() }

    /// The magnitude of the terms of a dot product, below which differences are rounding.
    private func size(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(1e-3) { $0 + abs($1.0 * $1.1) } }
}

/// What a program should compute, and the largest number on the way, which measures its rounding.
struct Expectation {
    private let outputs: [ReferenceArray]
    private let scale: Double

    init(_ graph: Graph, _ outputs: [NodeID], _ inputs: [NodeID: ReferenceArray], rows: [Int]? = nil) {
        var evaluator = ReferenceEvaluator(graph, inputs: inputs, rows: rows)
        let all = evaluator.evaluate(graph.reachable(from: outputs))
        scale = all.reduce(1) { largest, array in array.values.reduce(largest) { max($0, $1.magnitude) } }
        self.outputs = evaluator.evaluate(outputs)
    }

    func expectClose(_ program: Program, _ tolerance: Double, _ comment: String) {
        for (index, values) in program.results.enumerated() {
            let reference = outputs[index].values
            // A NaN on either side is not close.
            let isClose = zip(values, reference).allSatisfy { ($0 - $1).magnitude <= tolerance * scale }
            #expect(values.count == reference.count, "\(comment) output \(index)")
            #expect(isClose, "\(comment) output \(index)")
        }
    }
}

/// Names of operations without their particulars.
enum OperationName {
    static let all: Set<String> = Set(
        UnaryFunction.allCases.map { "\($0)" } + BinaryFunction.allCases.map { "\($0)" } + [
            "input", "constant", "select", "broadcast", "sumTo", "extremum", "logSumExp", "softmax", "cumulativeSum",
            "matmul", "sparseProduct", "factor", "factoredSolve", "logDeterminant", "transpose", "reshape", "slice",
            "pad",
            "concatenate", "take", "takeAdd", "oneHot",
        ])

    static func of(_ operation: Operation) -> String {
        switch operation {
        case .unary(let function): "\(function)"
        case .binary(let function): "\(function)"
        case .input: "input"
        case .constant: "constant"
        case .select: "select"
        case .broadcast: "broadcast"
        case .sumTo: "sumTo"
        case .extremum: "extremum"
        case .logSumExp: "logSumExp"
        case .softmax: "softmax"
        case .cumulativeSum: "cumulativeSum"
        case .matmul: "matmul"
        case .factor: "factor"
        case .factoredSolve: "factoredSolve"
        case .logDeterminant: "logDeterminant"
        case .transpose: "transpose"
        case .reshape: "reshape"
        case .slice: "slice"
        case .pad: "pad"
        case .concatenate: "concatenate"
        case .take: "take"
        case .takeAdd: "takeAdd"
        case .oneHot: "oneHot"
        case .sparseProduct: "sparseProduct"
        case .function: "function"
        }
    }
}
