// A compiled function: a program whose arguments are compared with those before, so that only what has changed is
// computed anew.
import Tensors

/// Evaluates one function, again and again.
package final class FunctionProgram {
    package let function: GraphFunction
    private let program: Program
    /// Where the parameters that are written lie; `nil` for data, and for those that nothing depends on.
    private let cells: [InputCell?]
    /// The parts of the value, one after the other: an output of the program for each.
    private let parts: [Range<Int>]
    /// The values that the parameters have; `nil` before the first.
    private var current: [[Double]?]
    /// Where the data parameters lie.
    private var address: [UnsafePointer<Double>?]

    /// Parameters with a slot of their own; those before them, the slowest, share one.
    private static let ownSlots = 6

    init(_ function: GraphFunction) {
        self.function = function
        let program = Program(Self.plan(function))
        self.program = program
        cells = function.parameters.indices.map { index in
            function.isData(index) ? nil : program.cell(function.parameters[index])
        }
        var end = 0
        parts = program.outputs.indices.map { output in
            defer { end += program.resultCount(output) }
            return end..<(end + program.resultCount(output))
        }
        current = function.parameters.map { _ in nil }
        address = function.parameters.map { _ in nil }
    }

    /// What the program of a function will be, for its price.
    package static func plan(_ function: GraphFunction) -> ProgramPlan {
        let split = max(function.parameters.count - ownSlots, 0)
        let slow = Array(function.parameters[..<split])
        let own = function.parameters[split...].map { InputSlot.steady(function.graph.name(of: $0), [$0]) }
        return ProgramPlan(
            function.graph, outputs: parts(of: function), slots: [.steady("captures", slow)] + own)
    }

    /// What a vector is joined from, so that loops read it where it lies and nobody joins it. Not parameters, which change
    /// while parts are copied to them.
    private static func parts(of function: GraphFunction) -> [NodeID] {
        let graph = function.graph
        guard case .concatenate(axis: 0) = graph.operation(function.output) else { return [function.output] }
        let operands = graph[function.output].operands
        let areComputed = operands.allSatisfy { operand in
            var root = operand
            while case .reshape = graph.operation(root) { root = graph[root].operands[0] }
            if case .input = graph.operation(root) { return false }
            return true
        }
        return areComputed ? operands : [function.output]
    }

    var memoryBytes: Int { program.plan.memoryBytes }

    /// Computes anew what depends on arguments that are no data.
    func forgetArguments() { for index in current.indices { current[index] = nil } }

    /// The function's value.
    package func evaluate(_ arguments: [FunctionArgument], _ runtime: FunctionRuntime) -> [Double] {
        precondition(arguments.count == function.parameters.count, "a function takes all of its arguments")
        for (index, argument) in arguments.enumerated() { prepare(index, argument, runtime) }
        return run(runtime)
    }

    /// Sets one argument, data by reference.
    func prepare(_ index: Int, _ argument: FunctionArgument, _ runtime: FunctionRuntime) {
        if function.isData(index) { bind(index, argument, runtime) } else { set(index, argument) }
    }

    /// Sets one argument by value.
    func set(_ index: Int, _ argument: FunctionArgument) {
        let input = function.parameters[index]
        guard program.uses(input), !isCurrent(index, argument.values) else { return }
        current[index] = Array(argument.values)
        program.write(argument.values, to: input)
    }

    /// Sets one argument that is not the same as before, and need not be remembered.
    func overwrite(_ index: Int, _ values: UnsafeBufferPointer<Double>) {
        current[index] = nil
        guard let cell = cells[index], let base = values.baseAddress else { return }
        program.write(base, count: values.count, to: cell)
    }

    /// Sets one argument to a range of the last value.
    func overwrite(_ index: Int, withResult range: Range<Int>) {
        current[index] = nil
        guard let cell = cells[index] else { return }
        forEachPiece(of: range) { piece, start in
            if let base = piece.baseAddress { program.write(base, count: piece.count, to: cell, from: start) }
        }
    }

    /// Computes the value for the arguments that are set, which the program keeps until it runs again.
    func step(_ runtime: FunctionRuntime) { program.run(runtime) }

    /// A range of the last value piece by piece, with where each begins in the range.
    func forEachPiece(of range: Range<Int>, _ body: (UnsafeBufferPointer<Double>, Int) -> Void) {
        for (output, part) in parts.enumerated() where part.overlaps(range) {
            let common = part.clamped(to: range)
            let within = (common.lowerBound - part.lowerBound)..<(common.upperBound - part.lowerBound)
            body(
                UnsafeBufferPointer(rebasing: program.doubles(output)[within]), common.lowerBound - range.lowerBound)
        }
    }

    /// The value for the arguments that are set.
    func run(_ runtime: FunctionRuntime) -> [Double] {
        program.run(runtime)
        return parts.count == 1 ? program.result(0) : parts.indices.flatMap { program.result($0) }
    }

    /// Equality of bits: a function may tell 0 from −0.
    private func isCurrent(_ index: Int, _ values: UnsafeBufferPointer<Double>) -> Bool {
        guard let known = current[index], known.count == values.count else { return false }
        return known.indices.allSatisfy { known[$0].bitPattern == values[$0].bitPattern }
    }

    private func bind(_ index: Int, _ argument: FunctionArgument, _ runtime: FunctionRuntime) {
        guard let base = argument.values.baseAddress else { return }
        if argument.isShared, let memory = runtime.memory(at: base) {
            if address[index] == base { return }
            address[index] = base
            runtime.share(memory, as: function.parameters[index], of: program)
        } else if !isCurrent(index, argument.values) {
            address[index] = nil
            current[index] = Array(argument.values)
            program.bind(function.parameters[index], to: AlignedBuffer(Array(argument.values)))
        }
    }
}
