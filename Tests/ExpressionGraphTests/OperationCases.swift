// The table of operations under test: every function and every operation, over many shapes.
import ExpressionGraph

enum OperationCases {
    static let shapes: [[Int]] = [
        [], [1], [3], [8], [9], [513], [0], [1, 1], [3, 1], [1, 9], [8, 3], [0, 3], [2, 3, 4], [1, 3, 1, 2],
    ]

    static let all: [OperationCase] = unary + binary + other + reductions + products + stacks + systems + movement

    static let unary: [OperationCase] = UnaryFunction.allCases.flatMap { function in
        shapes.map { shape in
            OperationCase(
                name: "\(function)", inputs: [shape], range: range(function), isSpread: isKinked(function)
            ) { graph, x in graph.unary(function, x[0]) }
        }
    }

    static let binary: [OperationCase] = BinaryFunction.allCases.flatMap { function in
        shapes.map { shape in
            let positive = function == .power || function == .divide
            return OperationCase(
                name: "\(function)", inputs: [shape, shape], range: positive ? 0.5...2 : -2...2,
                isSpread: isKinked(function)
            ) { graph, x in graph.binary(function, x[0], x[1]) }
        }
    }

    private static func range(_ function: UnaryFunction) -> ClosedRange<Double> {
        switch function {
        case .squareRoot, .reciprocal, .log: 0.5...2
        case .log1p: -0.5...2
        case .tan: -1...1
        case .negate, .absolute, .sign, .square, .exp, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .relu,
            .isPositive:
            -2...2
        }
    }

    private static func isKinked(_ function: UnaryFunction) -> Bool {
        switch function {
        case .absolute, .sign, .relu, .isPositive: true
        case .negate, .squareRoot, .square, .reciprocal, .exp, .expm1, .log, .log1p, .sin, .cos, .tan, .tanh,
            .sigmoid, .softplus, .erf:
            false
        }
    }

    private static func isKinked(_ function: BinaryFunction) -> Bool {
        switch function {
        case .minimum, .maximum, .less, .lessEqual, .equal: true
        case .add, .multiply, .divide, .power: false
        }
    }

    static let other: [OperationCase] =
        shapes.map { shape in
            OperationCase(name: "select", inputs: [shape, shape, shape], isSpread: true) { graph, x in
                graph.select(graph.unary(.isPositive, x[0]), x[1], x[2])
            }
        } + [
            OperationCase(name: "constant exponent 3", inputs: [[9]]) { g, x in power(&g, x[0], 3) },
            OperationCase(name: "constant exponent 4", inputs: [[9]]) { g, x in power(&g, x[0], 4) },
            OperationCase(name: "constant exponent -2", inputs: [[9]], range: 0.5...2) { g, x in power(&g, x[0], -2) },
            OperationCase(name: "constant exponent 0.5", inputs: [[9]], range: 0.5...2) { g, x in power(&g, x[0], 0.5)
            },
            OperationCase(name: "constant exponent 2.5", inputs: [[9]], range: 0.5...2) { g, x in power(&g, x[0], 2.5)
            },
        ]

    private static func power(_ graph: inout Graph, _ x: NodeID, _ exponent: Double) -> NodeID {
        graph.binary(.power, x, graph.constant(exponent, shape: graph.shape(x)))
    }

    static let reductions: [OperationCase] =
        [[1], [3], [9], [513], [4, 3], [1, 9], [9, 1], [2, 3, 4], [2, 1, 3, 2]]
        .flatMap { shape in
            (0..<shape.count).flatMap { axis in
                [
                    OperationCase(name: "sum \(axis)", inputs: [shape]) { g, x in
                        g.sumTo(x[0], Shape(sizes: shape).replacing(axis, with: .size(1)))
                    },
                    OperationCase(name: "logSumExp \(axis)", inputs: [shape]) { g, x in g.logSumExp(x[0], axis: axis) },
                    OperationCase(name: "softmax \(axis)", inputs: [shape]) { g, x in g.softmax(x[0], axis: axis) },
                    OperationCase(name: "logSoftmax \(axis)", inputs: [shape]) { g, x in
                        g.logSoftmax(x[0], axis: axis)
                    },
                    OperationCase(name: "max \(axis)", inputs: [shape], isSpread: true) { g, x in
                        g.extremum(.maximum, x[0], axis: axis)
                    },
                    OperationCase(name: "min \(axis)", inputs: [shape], isSpread: true) { g, x in
                        g.extremum(.minimum, x[0], axis: axis)
                    },
                    OperationCase(name: "cumsum \(axis)", inputs: [shape]) { g, x in
                        g.cumulativeSum(x[0], axis: axis)
                    },
                    OperationCase(name: "reverse cumsum \(axis)", inputs: [shape]) { g, x in
                        g.cumulativeSum(x[0], axis: axis, reverse: true)
                    },
                ]
            }
        }
        + shapes.map { shape in OperationCase(name: "sum", inputs: [shape]) { g, x in g.sum(x[0]) } }
        + shapes.map { shape in
            OperationCase(name: "dot", inputs: [shape, shape]) { g, x in g.dot(x[0], x[1]) }
        }
        + [
            ([2, 3, 4], [2, 1, 4]), ([2, 3, 4], [4]), ([2, 3, 4], [3, 1]), ([2, 3, 4], [1, 3, 1]),
            ([2, 3, 4, 2], [3, 1, 2]),
        ]
        .map { shape, target in
            OperationCase(name: "sumTo \(target)", inputs: [shape]) { g, x in g.sumTo(x[0], Shape(sizes: target)) }
        }

    static let products: [OperationCase] = [
        (1, 1, 1), (1, 3, 1), (3, 1, 1), (1, 3, 2), (9, 3, 1), (65, 22, 1), (9, 33, 1), (22, 40, 1), (3, 9, 4),
        (8, 8, 8),
        (3, 0, 2), (0, 3, 2), (3, 2, 0), (3, 0, 1), (0, 3, 1), (1, 0, 1),
    ].flatMap { m, k, n in
        [(false, false), (true, false), (false, true), (true, true)].map { transposeA, transposeB in
            OperationCase(
                name: "matmul \(transposeA) \(transposeB)",
                inputs: [transposeA ? [k, m] : [m, k], transposeB ? [n, k] : [k, n]]
            ) { g, x in g.matmul(x[0], x[1], transposeA: transposeA, transposeB: transposeB) }
        }
    }

    static let movement: [OperationCase] =
        [
            ([], [3]), ([], [2, 3]), ([1], [9]), ([3], [2, 3]), ([3, 1], [3, 4]), ([1, 3], [4, 3]),
            ([2, 1, 2], [2, 3, 2]),
            ([3], [0, 3]), ([1, 1], [2, 2]), ([2, 1, 1, 2], [3, 2, 2, 4, 2].dropFirst().map { $0 }),
        ].map { source, target in
            OperationCase(name: "broadcast \(target)", inputs: [source]) { g, x in
                g.broadcast(x[0], to: Shape(sizes: target))
            }
        }
        + [
            ([2, 3], [1, 0]), ([2, 3, 4], [2, 0, 1]), ([2, 3, 4], [1, 0, 2]), ([1, 3, 1], [2, 1, 0]),
            ([17, 33], [1, 0]),
        ]
        .map { shape, permutation in
            OperationCase(name: "transpose \(permutation)", inputs: [shape]) { g, x in g.transpose(x[0], permutation) }
        }
        + [
            OperationCase(name: "reshape", inputs: [[2, 6]]) { g, x in g.reshape(x[0], to: Shape(sizes: [3, 4])) },
            OperationCase(name: "reshape to scalar", inputs: [[1, 1]]) { g, x in g.reshape(x[0], to: .scalar) },
        ]
        + slices
        + [
            OperationCase(name: "concatenate 0", inputs: [[2, 3], [1, 3], [0, 3]]) { g, x in
                g.concatenate(x, axis: 0)
            },
            OperationCase(name: "concatenate 1", inputs: [[2, 3], [2, 4]]) { g, x in
                g.concatenate([x[0], x[1], x[0]], axis: 1)
            },
            OperationCase(name: "take 0", inputs: [[5], [7]], indices: (1, 5)) { g, x in
                g.take(x[0], indices: x[1], axis: 0)
            },
            OperationCase(name: "take 1", inputs: [[2, 5, 3], [4]], indices: (1, 5)) { g, x in
                g.take(x[0], indices: x[1], axis: 1)
            },
            OperationCase(name: "take of a matrix of indices", inputs: [[2, 5, 3], [4, 2]], indices: (1, 5)) { g, x in
                g.take(x[0], indices: x[1], axis: 1)
            },
            OperationCase(name: "take of one index", inputs: [[5, 3], []], indices: (1, 5)) { g, x in
                g.take(x[0], indices: x[1], axis: 0)
            },
            OperationCase(name: "take of no index", inputs: [[5, 3], [2, 0]], indices: (1, 5)) { g, x in
                g.take(x[0], indices: x[1], axis: 0)
            },
            OperationCase(name: "takeAdd of a matrix of indices", inputs: [[4, 2, 3], [4, 2]], indices: (1, 5)) {
                g, x in
                g.takeAdd(x[0], indices: x[1], axis: 0, to: Shape(sizes: [5, 3]))
            },
            OperationCase(name: "oneHot of a matrix", inputs: [[2, 3]], indices: (0, 4)) { g, x in
                g.oneHot(x[0], classes: 4)
            },
            OperationCase(name: "takeAdd 0", inputs: [[7], [7]], indices: (1, 5)) { g, x in
                g.takeAdd(x[0], indices: x[1], axis: 0, to: Shape(sizes: [5]))
            },
            OperationCase(name: "takeAdd 1", inputs: [[2, 4, 3], [4]], indices: (1, 5)) { g, x in
                g.takeAdd(x[0], indices: x[1], axis: 1, to: Shape(sizes: [2, 5, 3]))
            },
            OperationCase(name: "oneHot", inputs: [[6]], indices: (0, 4)) { g, x in g.oneHot(x[0], classes: 4) },
        ]

    private static let slices: [OperationCase] = [
        ([5], [range(1, 2, 2)]), ([5], [range(4, -1, 5)]), ([5], [range(3, -3, 2)]), ([5], [range(0, 1, 0)]),
        ([4, 5], [range(0, 1, 4), range(4, -2, 3)]), ([4, 5], [range(2, 1, 1), range(1, 1, 3)]),
        ([2, 3, 4], [range(1, -1, 2), range(0, 2, 2), range(0, 1, 4)]),
    ].flatMap { shape, ranges in
        [
            OperationCase(name: "slice \(ranges.map(\.step))", inputs: [shape]) { g, x in g.slice(x[0], ranges) },
            OperationCase(name: "pad \(ranges.map(\.step))", inputs: [counts(ranges)]) { g, x in
                g.pad(x[0], ranges, to: Shape(sizes: shape))
            },
        ]
    }

    private static func range(_ start: Int, _ step: Int, _ count: Int) -> SliceRange {
        SliceRange(start: start, step: step, count: .size(count))
    }

    private static func counts(_ ranges: [SliceRange]) -> [Int] {
        Shape(ranges.map(\.count)).sizes { _ in 0 }
    }
}
