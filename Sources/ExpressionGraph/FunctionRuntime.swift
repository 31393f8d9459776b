// Evaluates functions for programs that are cut at them. Solving is somebody else's work: it is asked for here, and done
// by whoever knows solvers.
import Tensors

/// Memory that a function reads.
package struct FunctionArgument {
    package let values: UnsafeBufferPointer<Double>
    /// Whether it is a data array, whose content never changes.
    package let isShared: Bool

    package init(_ values: UnsafeBufferPointer<Double>, isShared: Bool = false) {
        self.values = values
        self.isShared = isShared
    }
}

/// Solves what the graph only states. How well it succeeded is the handler's to remember.
package protocol SolveHandler: AnyObject {
    /// Writes the point where the residual vanishes.
    ///
    /// - Parameters:
    ///   - captures: the residual's parameters but for the unknown.
    ///   - start: where to begin when nothing better is known.
    func solve(
        _ equilibrium: Equilibrium, captures: [FunctionArgument], start: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime)

    /// Writes the solution of A x = rhs, or of Aᵀ x = rhs.
    func solve(
        _ system: LinearSystem, transposed: Bool, parameters: [FunctionArgument], rhs: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime)

    /// A loop begins, and has ended with this carry; `arguments` are captures, rows and the first carry.
    func begin(_ loop: Loop)
    func end(_ loop: Loop, arguments: [FunctionArgument], carry: [Double])
}

/// One step at which a program is cut.
struct Cut {
    /// The instruction of its stage before which it stands.
    let position: Int
    /// Of the nodes that it computes: one, or several of one loop.
    let operations: [FunctionOperation]
    let operands: [CutMemory]
    let results: [CutMemory]
}

/// Where an operand or result lies.
struct CutMemory {
    let slot: Int
    let count: Int
    let isShared: Bool
}

/// Compiled functions and the handler that solves: what programs with functions share. All compute in doubles. Not
/// thread-safe.
package final class FunctionRuntime {
    private let handler: any SolveHandler
    private var programs: [GraphFunction: FunctionProgram] = [:]
    private var shared: [UnsafePointer<Double>: DataMemory] = [:]
    /// What stands for sparse matrices in programs: matrices by the addresses of cells.
    private var cells: [UnsafeMutableRawPointer: SparseMatrix] = [:]

    package init(_ handler: any SolveHandler) { self.handler = handler }

    /// Lets functions read a data array, to which `program` binds an input, in place.
    package func share(_ memory: DataMemory, as input: NodeID, of program: Program) {
        program.bind(input, to: memory)
        switch memory {
        case .dense(let buffer): shared[UnsafePointer(buffer.base)] = memory
        case .sparse(let matrix):
            shared[UnsafePointer(matrix.byRow.values.base)] = memory
            if let cell = program.sparseCell(of: input) { cells[cell] = matrix }
        }
    }

    /// The compiled function: one program for each, which its callers take turns with.
    package func program(for function: GraphFunction) -> FunctionProgram {
        if let known = programs[function] { return known }
        let made = FunctionProgram(function)
        programs[function] = made
        return made
    }

    /// Lets all functions compute anew what they are asked next, so that what is solved inside is solved and counted
    /// whatever was asked before.
    package func forgetArguments() { for program in programs.values { program.forgetArguments() } }

    /// The memory of all functions compiled so far, in bytes; to hold prices against.
    package var memoryBytes: Int { programs.values.reduce(0) { $0 + $1.memoryBytes } }

    /// The data array that begins at an address; a sparse one with its values.
    func memory(at address: UnsafePointer<Double>) -> DataMemory? { shared[address] }

    /// What a program holds at an operand's slot. Sparse matrices stand for themselves, whichever program holds them.
    private func argument(_ memory: CutMemory, _ address: UnsafeMutableRawPointer?) -> FunctionArgument {
        if memory.isShared, let address, let matrix = cells[address] {
            let values = matrix.byRow.values
            return FunctionArgument(
                UnsafeBufferPointer(start: UnsafePointer(values.base), count: values.count), isShared: true)
        }
        let start = address.map { UnsafePointer($0.assumingMemoryBound(to: Double.self)) }
        return FunctionArgument(UnsafeBufferPointer(start: start, count: memory.count), isShared: memory.isShared)
    }

    // MARK: - Cuts

    func perform(_ cut: Cut, pointers: UnsafePointer<UnsafeMutableRawPointer?>) {
        let arguments = cut.operands.map { argument($0, pointers[$0.slot]) }
        let results = cut.results.map { memory in
            UnsafeMutableBufferPointer(
                start: pointers[memory.slot]?.assumingMemoryBound(to: Double.self), count: memory.count)
        }
        switch cut.operations[0] {
        case .call(let function):
            _ = results[0].update(fromContentsOf: program(for: function).evaluate(arguments, self))
        case .solution(let equilibrium):
            handler.solve(
                equilibrium, captures: arguments.dropLast(), start: arguments[arguments.count - 1], into: results[0],
                self)
        case .linearSolve(let system, let transposed):
            handler.solve(
                system, transposed: transposed, parameters: arguments.dropLast(), rhs: arguments[arguments.count - 1],
                into: results[0], self)
        case .loop(let loop, _):
            let outputs = cut.operations.map { operation in
                if case .loop(_, let output) = operation { output } else { preconditionFailure("not of one loop") }
            }
            run(loop, outputs, arguments, results)
        }
    }

    private func run(
        _ loop: Loop, _ outputs: [LoopOutput], _ arguments: [FunctionArgument],
        _ results: [UnsafeMutableBufferPointer<Double>]
    ) {
        let body = program(for: loop.body)
        for index in 0..<loop.captureCount { body.prepare(index, arguments[index], self) }
        let rows = arguments[loop.captureCount].values
        let start = arguments[loop.captureCount + 1].values
        let (width, carry) = (loop.rowCount, 0..<loop.carryCount)
        handler.begin(loop)
        for step in 0..<loop.count {
            let index = loop.isReversed ? loop.count - 1 - step : step
            let row = UnsafeBufferPointer(rebasing: rows[(index * width)..<((index + 1) * width)])
            body.overwrite(loop.captureCount, row)
            if step == 0 {
                body.overwrite(loop.captureCount + 1, start)
            } else {
                body.overwrite(loop.captureCount + 1, withResult: carry)
            }
            body.step(self)
            for (output, result) in zip(outputs, results) {
                switch output {
                case .final: break
                case .stacked(let range):
                    body.forEachPiece(of: range) { result.copy($0, to: index * range.count + $1) }
                case .summed(let range): body.forEachPiece(of: range) { result.add($0, to: $1, isFirst: step == 0) }
                }
            }
        }
        var last = Array(start)
        if loop.count > 0 {
            last.withUnsafeMutableBufferPointer { last in body.forEachPiece(of: carry) { last.copy($0, to: $1) } }
        }
        last.withUnsafeBufferPointer { last in
            for (output, result) in zip(outputs, results) {
                guard case .final(let range) = output else { continue }
                result.copy(UnsafeBufferPointer(rebasing: last[range]), to: 0)
            }
        }
        handler.end(loop, arguments: arguments, carry: last)
    }
}

extension UnsafeMutableBufferPointer<Double> {
    /// Copies `source` to `start` and what follows it.
    fileprivate func copy(_ source: UnsafeBufferPointer<Double>, to start: Int) {
        guard let target = baseAddress, let base = source.baseAddress else { return }
        (target + start).update(from: base, count: source.count)
    }

    /// Adds `source` to what follows `start`, or begins the sum with it.
    fileprivate func add(_ source: UnsafeBufferPointer<Double>, to start: Int, isFirst: Bool) {
        if isFirst { return copy(source, to: start) }
        guard let target = baseAddress, let base = source.baseAddress else { return }
        Kernels.float64.axpy(1, base, target + start, count: source.count)
    }
}
