// A compiled function: a program whose arguments are compared with those before, so that only what has changed is
// computed anew.
import Tensors

/// Evaluates one function, again and again.
package final class FunctionProgram {
    package let function: GraphFunction
    private let program: Program
    /// The values that the parameters have; `nil` before the first.
    private var current: [[Double]?]
    /// Where the data parameters lie.
    private var address: [UnsafePointer<Double>?]

    /// Parameters with a slot of their own; those before them, the slowest, share one.
    private static let ownSlots = 6

    init(_ function: GraphFunction) {
        self.function = function
        program = Program(Self.plan(function))
        current = function.parameters.map { _ in nil }
        address = function.parameters.map { _ in nil }
    }

    /// What the program of a function will be, for its price.
    package static func plan(_ function: GraphFunction) -> ProgramPlan {
        let split = max(function.parameters.count - ownSlots, 0)
        let slow = Array(function.parameters[..<split])
        let own = function.parameters[split...].map { InputSlot.steady(function.graph.name(of: $0), [$0]) }
        return ProgramPlan(
            function.graph, outputs: [function.output], slots: [.steady("captures", slow)] + own)
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
        program.write(values, to: function.parameters[index])
    }

    /// The value for the arguments that are set, where the program keeps it: until it runs again.
    func result(_ runtime: FunctionRuntime) -> UnsafeBufferPointer<Double> {
        program.run(runtime)
        return program.doubles(0)
    }

    /// The value for the arguments that are set.
    func run(_ runtime: FunctionRuntime) -> [Double] {
        program.run(runtime)
        return program.result(0)
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
