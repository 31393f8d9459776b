// Random graphs: every way of compiling and running them gives the reference's numbers.
import ExpressionGraph
import Tensors
import Testing

@Suite struct RandomGraphTests {
    static let cases: [(seed: Int, size: Int, rows: Int)] = (0..<300).map { seed in
        (seed, 12 + seed % 60, seed % 50 == 0 ? 700 : 1 + seed % 19)
    }

    @Test(arguments: cases.prefix(200)) func programsAgreeWithReference(_ seed: Int, _ size: Int, _ rows: Int) {
        let random = RandomGraph(seed: seed, size: size, rows: rows)
        #expect(GraphVerifier(random.graph).violations() == [], "seed \(seed)")
        let expected = Expectation(random.graph, random.outputs, random.values)
        for options in allOptions {
            let program = Program(random.graph, outputs: random.outputs, options: options)
            #expect(program.plan.violations() == [], "seed \(seed) \(options)")
            for (input, value) in random.values { program.set(input, to: value) }
            program.run()
            expected.expectClose(program, Exactness.float64.values, "seed \(seed) \(options)")
        }
    }

    /// Slots, some steady and some written every run, written in any order: a run computes what it must.
    @Test(arguments: cases[100..<200]) func stagedRunsAgreeWithFreshOnes(_ seed: Int, _ size: Int, _ rows: Int) {
        var random = RandomGraph(seed: seed, size: size, rows: rows)
        var choice = SplitMix(seed + 1000)
        let slots = slots(random.inputs, &choice)
        let options = CompilationOptions(rowLoops: seed % 2 == 0 ? .always(rows: 16) : .whereItPays)
        let program = Program(random.graph, outputs: random.outputs, slots: slots, options: options)
        #expect(program.plan.violations() == [], "seed \(seed)")
        #expect(GraphVerifier(program.plan.graph).violations() == [], "seed \(seed)")
        var values = random.values
        for (input, value) in values { program.set(input, to: value) }
        for round in 0..<6 {
            program.run()
            let expected = Expectation(random.graph, random.outputs, values)
            expected.expectClose(program, Exactness.float64.values, "seed \(seed) round \(round)")
            // Changed inputs of some slots; what depends on the others alone must not matter.
            for slot in slots where Bool.random(using: &choice) {
                for input in slot.inputs where Bool.random(using: &choice) {
                    let value = random.draw(input)
                    values[input] = value
                    program.set(input, to: value)
                }
            }
        }
    }

    private func slots(_ inputs: [NodeID], _ choice: inout SplitMix) -> [InputSlot] {
        let count = Int.random(in: 1...4, using: &choice)
        var members = [[NodeID]](repeating: [], count: count)
        for input in inputs { members[Int.random(in: 0..<count, using: &choice)].append(input) }
        return members.enumerated().map { index, inputs in
            index == 3 ? .everyRun("slot 3", inputs) : .steady("slot \(index)", inputs)
        }
    }

    @Test(arguments: cases.suffix(100)) func batchesAgreeWithSlices(_ seed: Int, _ size: Int, _ rows: Int) {
        var random = RandomGraph(seed: seed, size: size, rows: rows)
        var choice = SplitMix(seed + 2000)
        let batch = Int.random(in: 1...rows, using: &choice)
        let options = CompilationOptions(rowLoops: seed % 2 == 0 ? .always(rows: 16) : .whereItPays)
        let program = Program(
            random.graph, outputs: random.outputs, batchRows: [random.axis: batch], options: options)
        for (input, value) in random.values where isData(input, random.graph) { program.set(input, to: value) }
        for start in stride(from: 0, to: rows, by: batch).prefix(4) {
            let count = min(batch, rows - start)
            program.selectRows(of: random.axis, start: start, count: count)
            var values = random.values
            for input in random.inputs + random.sparse where !random.graph.shape(input).axes.isEmpty {
                if isData(input, random.graph) {
                    values[input] = slice(random.values[input]!, start, count)
                } else {
                    values[input] = random.draw(input, rows: count)
                }
            }
            for (input, value) in values where !isData(input, random.graph) { program.set(input, to: value) }
            program.run()
            let expected = Expectation(random.graph, random.outputs, values, rows: [count])
            expected.expectClose(program, Exactness.float64.values, "seed \(seed) rows \(start) + \(count)")
        }
    }

    private func isData(_ input: NodeID, _ graph: Graph) -> Bool {
        guard case .input(let symbol) = graph.operation(input) else { return false }
        return graph.symbols[symbol.index].role == .data
    }

    private func slice(_ array: ReferenceArray, _ start: Int, _ count: Int) -> ReferenceArray {
        let width = array.sizes.dropFirst().reduce(1, *)
        return ReferenceArray(
            [count] + array.sizes.dropFirst(), Array(array.values[start * width..<(start + count) * width]))
    }
}
