// What the tests share: seeded numbers, running a graph in every way the compiler knows, comparing.
import ExpressionGraph
import Tensors
import Testing

/// SplitMix64: small, seeded, and independent of the streams under test.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func array(_ sizes: [Int], in range: ClosedRange<Double> = -2...2) -> ReferenceArray {
        ReferenceArray(sizes) { _ in Double.random(in: range, using: &self) }
    }
}

extension ReferenceArray {
    /// The entries that are not zero.
    var sparse: SparseMatrix {
        // A matrix of finite numbers, whose shape holds its values.
        try! SparseMatrix(Tensor(shape: sizes, values: values))
    }
}

let allOptions =
    [(true, true), (true, false), (false, true), (false, false)].map {
        CompilationOptions(fuses: $0.0, pairsProducts: $0.1)
    } + [true, false].map { CompilationOptions(fuses: $0, rowLoops: .always(rows: 16)) }

extension Program {
    /// Gives an input its value, however the input wants it.
    func set(_ input: NodeID, to value: ReferenceArray) {
        guard case .input(let symbol) = graph.operation(input) else { return }
        if graph.symbols[symbol.index].isSparse {
            bind(input, to: value.sparse.converted(to: plan.precision))
            return
        }
        switch graph.symbols[symbol.index].role {
        case .data: bind(input, to: AlignedBuffer(value.values, precision: plan.precision))
        case .value: write(value.values, to: input)
        }
    }

    var results: [[Double]] { outputs.indices.map { Array(result($0)) } }
}

/// The largest difference, relative to the largest finite magnitude around; infinite where non-finite values differ.
func distance(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    let scale = (a + b).filter(\.isFinite).map(\.magnitude).max() ?? 0
    var largest = 0.0
    for (x, y) in zip(a, b) where !(x == y || (x.isNaN && y.isNaN)) {
        if !x.isFinite || !y.isFinite { return .infinity }
        largest = max(largest, (x - y).magnitude / max(scale, 1e-300))
    }
    return largest
}

/// Runs the outputs under all compilation options and holds graph, plans and values against rules and reference.
///
/// - Returns: the reference values.
@discardableResult
func check(
    _ graph: Graph, _ outputs: [NodeID], _ inputs: [NodeID: ReferenceArray], tolerance: Double = 1e-12,
    comment: String = "", at location: SourceLocation = #_sourceLocation
) -> [ReferenceArray] {
    #expect(GraphVerifier(graph).violations() == [], "\(comment)", sourceLocation: location)
    var evaluator = ReferenceEvaluator(graph, inputs: inputs)
    let expected = evaluator.evaluate(outputs)
    for options in allOptions {
        let program = Program(graph, outputs: outputs, options: options)
        #expect(program.plan.violations() == [], "\(comment) \(options)", sourceLocation: location)
        for (input, value) in inputs { program.set(input, to: value) }
        program.run(FunctionRuntime(ReferenceSolveHandler()))
        for (index, values) in program.results.enumerated() {
            let error = distance(values, expected[index].values)
            #expect(
                error <= tolerance, "\(comment) \(options) output \(index): \(values) \(expected[index].values)",
                sourceLocation: location)
        }
    }
    return expected
}

/// Values of outputs by a fresh program.
func values(_ graph: Graph, _ outputs: [NodeID], _ inputs: [NodeID: ReferenceArray]) -> [[Double]] {
    let program = Program(graph, outputs: outputs)
    for (input, value) in inputs { program.set(input, to: value) }
    program.run(FunctionRuntime(ReferenceSolveHandler()))
    return program.results
}

func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
