// Programs at the limits of the block machine, of memory and of depth; inputs, outputs and views.
import ExpressionGraph
import Tensors
import Testing

@Suite struct ProgramTests {
    /// One block with more operands than the machine has is split, and values cross the cut through memory.
    @Test(arguments: [60, 64, 65, 100, 300]) func splitsBlocksWithManyOperands(_ count: Int) {
        var graph = Graph()
        var random = SplitMix(count)
        var inputs: [NodeID: ReferenceArray] = [:]
        let x = (0..<count).map { graph.addInput("x\($0)", shape: [.size(9)], role: .value) }
        for node in x { inputs[node] = random.array([9]) }
        var total = graph.unary(.sin, x[0])
        for node in x.dropFirst() { total = graph.add(total, graph.unary(.sin, graph.multiply(total, node))) }
        let outputs = [total, graph.sum(graph.unary(.square, total))]
        check(graph, outputs, inputs)
    }

    /// Many values that are all alive at once: more than there are registers.
    @Test(arguments: [31, 32, 33, 50, 120]) func splitsBlocksWithManyLiveValues(_ count: Int) {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(600)], role: .value)
        var random = SplitMix(count)
        let terms = (0..<count).map { graph.unary(.sin, graph.scale(Double($0) + 1.5, x)) }
        var total = terms[0]
        for term in terms.reversed() { total = graph.add(graph.multiply(total, term), term) }
        for term in terms { total = graph.add(total, graph.unary(.cos, term)) }
        check(graph, [total], [x: random.array([600])])
    }

    @Test func manyReductionsShareOnePass() {
        var graph = Graph()
        var random = SplitMix(3)
        let x = graph.addInput("x", shape: [.size(1030)], role: .value)
        let outputs = (0..<90).map { graph.sum(graph.unary(.sin, graph.scale(Double($0) / 7, x))) }
        check(graph, outputs, [x: random.array([1030])])
    }

    @Test(.timeLimit(.minutes(10))) func compilesManyProductsOfOneLevel() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape(sizes: [3, 1]), role: .value)
        var total = graph.constant(0, shape: Shape(sizes: [2, 1]))
        for index in 0..<4000 {
            let a = graph.addInput("A\(index)", shape: Shape(sizes: [2, 3]), role: .data)
            total = graph.add(total, graph.matmul(a, x))
        }
        let program = Program(graph, outputs: [total])
        #expect(program.instructionCounts[0] >= 4000)
    }

    @Test func productsWithOneMatrixArePaired() {
        var graph = Graph()
        var random = SplitMix(5)
        let a = graph.addInput("A", shape: Shape(sizes: [40, 22]), role: .data)
        let b = (0..<3).map { graph.addInput("b\($0)", shape: Shape(sizes: [22, 1]), role: .value) }
        let c = (0..<2).map { graph.addInput("c\($0)", shape: Shape(sizes: [40, 1]), role: .value) }
        let outputs =
            b.map { graph.matmul(a, $0) } + c.map { graph.matmul(a, $0, transposeA: true) }
        var inputs = [a: random.array([40, 22])]
        for node in b { inputs[node] = random.array([22, 1]) }
        for node in c { inputs[node] = random.array([40, 1]) }
        check(graph, outputs, inputs)
        #expect(Program(graph, outputs: outputs).instructionCounts == [3])
        #expect(Program(graph, outputs: outputs, options: .init(pairsProducts: false)).instructionCounts == [5])
    }

    @Test(arguments: [(0, 3), (3, 0), (0, 0)]) func pairsOfEmptyProducts(_ m: Int, _ k: Int) {
        var graph = Graph()
        let a = graph.addInput("A", shape: Shape(sizes: [m, k]), role: .data)
        let x = (0..<2).map { graph.addInput("x\($0)", shape: Shape(sizes: [k, 1]), role: .value) }
        let y = (0..<2).map { graph.addInput("y\($0)", shape: Shape(sizes: [m, 1]), role: .value) }
        let outputs = x.map { graph.matmul(a, $0) } + y.map { graph.matmul(a, $0, transposeA: true) }
        var inputs = [a: ReferenceArray([m, k], [])]
        for node in x { inputs[node] = ReferenceArray([k, 1]) { _ in 1 } }
        for node in y { inputs[node] = ReferenceArray([m, 1]) { _ in 1 } }
        check(graph, outputs, inputs)
    }

    @Test func outputsMayBeInputsConstantsAndViews() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape(sizes: [2, 3]), role: .value)
        let d = graph.addInput("d", shape: Shape(sizes: [4]), role: .data)
        let s = graph.addInput("s", shape: .scalar, role: .value)
        let outputs = [
            x, graph.reshape(x, to: Shape(sizes: [6])), d, graph.constant(3), graph.constant(2, shape: [.size(5)]),
            graph.broadcast(s, to: Shape(sizes: [3, 2])), s, x,
            graph.broadcast(graph.reshape(s, to: [.size(1)]), to: Shape(sizes: [1, 1])),
        ]
        check(
            graph, outputs,
            [
                x: ReferenceArray([2, 3], [1, 2, 3, 4, 5, 6]), d: ReferenceArray([4], [7, 8, 9, 10]),
                s: ReferenceArray([], [11]),
            ])
    }

    @Test func constantsAndRepeatedNumbersFeedEveryKernel() {
        var graph = Graph()
        let s = graph.addInput("s", shape: .scalar, role: .value)
        let a = graph.broadcast(s, to: Shape(sizes: [3, 3]))
        let c = graph.constant(2, shape: Shape(sizes: [3, 3]))
        let sum = graph.add(graph.unary(.sin, a), c)
        let outputs = [
            graph.matmul(a, c), graph.softmax(a, axis: 1), graph.logSumExp(c, axis: 0), graph.sum(a), graph.sum(c),
            graph.sumTo(a, Shape(sizes: [3, 1])), graph.concatenate([a, c], axis: 0), sum, graph.dot(a, c),
            graph.cumulativeSum(c, axis: 1), graph.extremum(.maximum, a, axis: 0),
        ]
        check(graph, outputs, [s: ReferenceArray([], [0.3])])
    }

    @Test func runsOnlyWhatIsStale() {
        var graph = Graph()
        let x = graph.addInput("x", shape: .scalar, role: .value)
        let y = graph.addInput("y", shape: .scalar, role: .value)
        let slow = graph.unary(.exp, x)
        let fast = graph.multiply(slow, y)
        let program = Program(graph, outputs: [fast, slow], slots: [.steady("x", [x]), .steady("y", [y])])
        #expect(program.instructionCounts == [1, 1])
        program.write(0, to: x)
        program.write(3, to: y)
        program.run()
        #expect(program.scalar(0) == 3)
        program.write(5, to: y)
        program.run()
        #expect(program.scalar(0) == 5)
        program.carry(0, to: y)
        program.run()
        #expect(program.scalar(0) == 5)
        let unused = graph.addInput("z", shape: .scalar, role: .value)
        #expect(!program.uses(unused))
    }

    @Test func batchesAlongTwoAxesMoveIndependently() {
        var graph = Graph()
        let train = graph.addAxis(name: "train", rows: 10)
        let validation = graph.addAxis(name: "validation", rows: 7)
        let a = graph.addInput("a", shape: [.axis(train), .size(2)], role: .data)
        let b = graph.addInput("b", shape: [.axis(validation), .size(2)], role: .data)
        let outputs = [graph.matmul(a, b, transposeB: true), graph.sum(a), graph.sum(b)]
        let values = [
            a: ReferenceArray([10, 2], (0..<20).map(Double.init)),
            b: ReferenceArray([7, 2], (0..<14).map { Double(-$0) }),
        ]
        let program = Program(graph, outputs: outputs, batchRows: [train: 4, validation: 3])
        for (input, value) in values { program.set(input, to: value) }
        for (i, j) in [(0, 0), (4, 3), (8, 6), (4, 0), (0, 6)] {
            let (m, n) = (min(4, 10 - i), min(3, 7 - j))
            program.selectRows(of: train, start: i, count: m)
            program.selectRows(of: validation, start: j, count: n)
            program.run()
            var reference = ReferenceEvaluator(
                graph,
                inputs: [
                    a: ReferenceArray([m, 2], Array(values[a]!.values[2 * i..<2 * (i + m)])),
                    b: ReferenceArray([n, 2], Array(values[b]!.values[2 * j..<2 * (j + n)])),
                ], rows: [m, n])
            #expect(program.results == reference.evaluate(outputs).map(\.values))
        }
    }

    /// More batch sizes than a program keeps code for, each twice.
    @Test func batchesOfManySizesComeAgain() {
        var graph = Graph()
        let train = graph.addAxis(name: "train", rows: 12)
        let a = graph.addInput("a", shape: [.axis(train)], role: .data)
        let total = graph.sum(graph.unary(.square, a))
        let program = Program(graph, outputs: [total])
        program.bind(a, to: AlignedBuffer((0..<12).map(Double.init)))
        for count in Array(0...12) + Array(0...12) {
            program.selectRows(of: train, start: 12 - count, count: count)
            program.run()
            #expect(program.scalar(0) == ((12 - count)..<12).reduce(0) { $0 + Double($1 * $1) })
        }
    }

    @Test func refusesRowsThatDoNotExist() async {
        await #expect(processExitsWith: .failure) { ProgramTests.select(start: 9, count: 4) }
        await #expect(processExitsWith: .failure) { ProgramTests.select(start: -1, count: 1) }
        await #expect(processExitsWith: .failure) { ProgramTests.select(start: 0, count: 5) }
        ProgramTests.select(start: 8, count: 4)
    }

    private static func select(start: Int, count: Int) {
        var graph = Graph()
        let train = graph.addAxis(name: "train", rows: 12)
        let a = graph.addInput("a", shape: [.axis(train)], role: .data)
        let total = graph.sum(a)
        Program(graph, outputs: [total], batchRows: [train: 4]).selectRows(of: train, start: start, count: count)
    }
}
