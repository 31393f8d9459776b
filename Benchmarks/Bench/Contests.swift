// The contests of `make bench`, each on data made here.
import COpenBLAS
import ExpressionGraph
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

enum Contests {
    static func all() throws -> [Contest] {
        [
            elementwise(), gather(), try hessianProduct(), try soba(.float64), try soba(.float32), try multinomial(),
        ]
    }

    private static func random(_ count: Int, _ name: String) -> [Double] {
        var stream = RandomStream(seed: 11, stream: name)
        return (0..<count).map { _ in stream.normal() }
    }

    /// tanh(a b + c) σ(a) in one fused pass against the same plan with a pass for every operation.
    private static func elementwise() -> Contest {
        let count = 1_000_000
        var graph = Graph()
        let inputs = ["a", "b", "c"].map { graph.addInput($0, shape: Shape(sizes: [count]), role: .value) }
        let inner = graph.add(graph.multiply(inputs[0], inputs[1]), inputs[2])
        let output = graph.multiply(graph.unary(.tanh, inner), graph.unary(.sigmoid, inputs[0]))
        func program(fuses: Bool) -> Program {
            let program = Program(
                graph, outputs: [output], slots: [.everyRun("inputs", inputs)],
                options: CompilationOptions(fuses: fuses))
            for (index, input) in inputs.enumerated() { program.write(random(count, "\(index)"), to: input) }
            return program
        }
        let first = random(count, "0")
        func way(_ program: Program) -> (Int) -> Void {
            {
                for _ in 0..<$0 {
                    program.write(first, to: inputs[0])
                    program.run()
                }
            }
        }
        return Contest(
            title: "elementwise chain tanh(a*b + c) * sigmoid(a), 1,000,000 elements", targets: [1],
            ways: [("fused", way(program(fuses: true))), ("one pass for each operation", way(program(fuses: false)))])
    }

    /// A batch as a view of neighbouring rows against gathering scattered rows.
    private static func gather() -> Contest {
        let (rows, width, batch) = (50_000, 22, 64)
        let data = AlignedBuffer(random(rows * width, "gather"))
        var graph = Graph()
        let axis = graph.addAxis(name: "rows", rows: rows)
        let view = graph.addInput("view", shape: [.axis(axis), .size(width)], role: .data)
        let whole = graph.addInput("whole", shape: Shape(sizes: [rows, width]), role: .data)
        let indices = graph.addInput("indices", shape: Shape(sizes: [batch]), role: .value)
        let w = graph.addInput("w", shape: Shape(sizes: [width, 1]), role: .value)
        let fromView = graph.matmul(view, w)
        let taken = graph.take(whole, indices: indices, axis: 0)
        let fromTaken = graph.matmul(taken, w)
        let viewed = Program(graph, outputs: [fromView], slots: [.steady("w", [w])], batchRows: [axis: batch])
        let gathered = Program(
            graph, outputs: [fromTaken], slots: [.steady("w", [w]), .everyRun("indices", [indices])])
        viewed.bind(view, to: data)
        gathered.bind(whole, to: data)
        for program in [viewed, gathered] { program.write(random(width, "w"), to: w) }
        var stream = RandomStream(seed: 3, stream: "starts")
        let starts = (0..<4096).map { _ in stream.below(rows - batch) }
        let scattered = (0..<64).map { _ in (0..<batch).map { _ in Double(stream.below(rows)) } }
        return Contest(
            title: "64 of 50,000 x 22 rows times a vector", targets: [1],
            ways: [
                (
                    "view of neighbouring rows",
                    {
                        for index in 0..<$0 {
                            viewed.selectRows(of: axis, start: starts[index & 4095], count: batch)
                            viewed.run()
                        }
                    }
                ),
                (
                    "gather of scattered rows",
                    {
                        for index in 0..<$0 {
                            gathered.write(scattered[index & 63], to: indices)
                            gathered.run()
                        }
                    }
                ),
            ])
    }

    private static func problem(
        _ document: String, _ data: [String: Tensor], _ precision: Precision = .float64
    ) throws -> MultilevelProblem {
        try DataFolder.problem(DataFolder.asking(document, precision)) { selection in
            guard let tensor = data[selection.dataset] else {
                throw BenchError(description: "no data called \(selection.dataset)")
            }
            return .dense(tensor)
        }
    }

    private static func logistic(
        _ data: LogisticData, _ precision: Precision = .float64
    ) throws -> MultilevelProblem {
        try problem(
            Documents.w1,
            [
                "w1_Xtr": data.train, "w1_ytr": data.trainLabels, "w1_Xva": data.validation,
                "w1_yva": data.validationLabels,
            ], precision)
    }

    /// Hv at one point against the gradient.
    private static func hessianProduct() throws -> Contest {
        let level = LowerLevel(try logistic(LogisticData()), eta: 0.01)
        level.reset()
        return Contest(
            title: "logistic regression, 50,000 x 22, all rows", targets: [1.2],
            ways: [
                ("Hv, ten at one point", { _ = level.products($0) }), ("gradient step", { _ = level.steps($0) }),
            ])
    }

    /// The whole iteration against the same by hand.
    private static func soba(_ precision: Precision) throws -> Contest {
        let data = try LogisticData()
        let arrays = LogisticArrays(data, precision)
        func draws(_ rows: [Int64]) -> DrawSource {
            .sequence(
                rows.map {
                    Draw(start: Int($0), count: LogisticData.batch, weight: 50_000.0 / 64, slot: Int($0) / 64)
                })
        }
        let stepper = SOBAStepper(
            try logistic(data, precision),
            draws: SOBADraws(lower: ["train": draws(data.lowerRows)], upper: ["validation": draws(data.upperRows)]))
        let engine = { (iterations: Int) -> [Double] in
            let start = Iterates(.float64)
            var state = SOBAState(
                x: start.x.values, y: start.w.values, v: start.v.values,
                lowerStep: .power(initial: 1e-3, exponent: 0.5), upperStep: .power(initial: 1e-3, exponent: 0.5))
            stepper.advance(&state, by: iterations)
            return state.y + state.v + state.x
        }
        let byC = { (iterations: Int) -> [Double] in
            let start = Iterates(precision)
            CByHandRun(arrays: arrays).run(start, lowerStep: 1e-3, upperStep: 1e-3, from: 0, iterations: iterations)
            return start.all
        }
        let bySwift =
            switch precision {
            case .float64: sobaInSwift(SwiftByHand<Double>(arrays))
            case .float32: sobaInSwift(SwiftByHand<Float>(arrays))
            }
        for (name, way) in [("Swift", bySwift), ("C", byC)] {
            let difference = zip(engine(500), way(500)).map { abs($0 - $1) }.max() ?? .infinity
            guard difference < 5000 * precision.epsilon else {
                throw BenchError(description: "SOBA by hand in \(name) leads elsewhere: by \(difference)")
            }
        }
        return Contest(
            title: "one iteration of SOBA, 50,000 x 22, batch 64, \(precision.name)", targets: [0.75, 1.4],
            ways: [
                ("compiled", { _ = engine($0) }), ("by hand in Swift with BLAS", { _ = bySwift($0) }),
                ("by hand in C with the kernels", { _ = byC($0) }),
            ])
    }

    private static func sobaInSwift<Element>(_ way: SwiftByHand<Element>) -> (Int) -> [Double] {
        { iterations in
            let start = Iterates(way.arrays.precision)
            way.run(start, lowerStep: 1e-3, upperStep: 1e-3, from: 0, iterations: iterations)
            return start.all
        }
    }

    /// Gradient and Hv of a multinomial regression against the two products that each contains.
    private static func multinomial() throws -> Contest {
        let (rows, features, classes) = (20_000, 784, 10)
        let images = try Tensor(shape: [rows, features], values: random(rows * features, "X"))
        var stream = RandomStream(seed: 5, stream: "labels")
        let labels = try Tensor(
            shape: [rows], values: (0..<rows).map { _ in Double(stream.below(classes)) }, elementType: .integer)
        let level = LowerLevel(
            try problem(Documents.w2, ["w2_Xtr": images, "w2_ytr": labels, "w2_Xva": images, "w2_yva": labels]),
            eta: 0.01)
        level.reset()
        let weights = AlignedBuffer(random(features * classes, "W"))
        let logits = AlignedBuffer(count: rows * classes)
        let products: (Int) -> Void = {
            for _ in 0..<$0 {
                BLAS.matmul(
                    .float64,
                    transposeA: false, transposeB: false, m: rows, n: classes, k: features, a: images.storage.base,
                    b: weights.base,
                    c: logits.base)
                BLAS.matmul(
                    .float64,
                    transposeA: true, transposeB: false, m: features, n: classes, k: rows, a: images.storage.base,
                    b: logits.base,
                    c: weights.base)
                cblas_dscal(blasint(features * classes), 1e-6, weights.base, 1)
            }
        }
        return Contest(
            title: "multinomial regression, 20,000 x 784 x 10, all rows", targets: [nil, 1.2],
            ways: [
                ("gradient step", { _ = level.steps($0) }), ("Hv, ten at one point", { _ = level.products($0) }),
                ("its two BLAS products", products),
            ])
    }
}
