// Closed functions: bodies of nodes that are solved or repeated. Every number that a body needs is a parameter, so that
// equal functions are equal wherever they were made, and no capture-avoiding substitution is ever needed.
import Synchronization

/// A closed function of arrays: a graph of its own whose inputs are the parameters, and one output.
///
/// Parameters stand from slow to fast: those that change least often first, the unknown or the direction last. All
/// shapes are numbers; sample axes are taken whole. Equal by content, names apart; one object is rarely compared with an equal one,
/// because operations carry it by reference.
package final class GraphFunction: Hashable, Sendable {
    /// The body; its inputs are the parameters, in order.
    package let graph: Graph
    /// The inputs, in order; a body need not use all of them.
    package let parameters: [NodeID]
    package let output: NodeID
    /// Whether no operation of the body carries a function.
    package let isPlain: Bool
    private let fingerprint: Int
    private let derived = Mutex<[Derivation: DerivedFunction]>([:])

    /// - Precondition: every input of `graph` that the output needs is a parameter, and no shape names a sample axis.
    private init(graph: Graph, parameters: [NodeID], output: NodeID) {
        self.graph = graph
        self.parameters = parameters
        self.output = output
        isPlain = graph.nodes.allSatisfy { $0.operation.functions.isEmpty }
        var hasher = Hasher()
        hasher.combine(graph.nodes)
        hasher.combine(output)
        fingerprint = hasher.finalize()
    }

    /// The function of `parameters` that computes `output` in `source`, all parameters kept.
    ///
    /// - Precondition: the output needs no other input.
    package convenience init(_ output: NodeID, of parameters: [NodeID], in source: Graph) {
        var body = Graph()
        body.cancelsTerms = source.cancelsTerms
        var image: [NodeID: NodeID] = [:]
        let inputs = parameters.map { parameter in
            let input = body.addInput(like: parameter, of: source)
            image[parameter] = input
            return input
        }
        let copied = body.copy([output], from: source, image: image)
        self.init(graph: body, parameters: inputs, output: copied[0])
    }

    package static func == (a: GraphFunction, b: GraphFunction) -> Bool {
        a === b
            || a.fingerprint == b.fingerprint && a.output == b.output && a.parameters == b.parameters
                && a.graph.nodes == b.graph.nodes && a.graph.symbols.count == b.graph.symbols.count
                && zip(a.graph.symbols, b.graph.symbols).allSatisfy { $0.isInterchangeable(with: $1) }
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }

    package var outputShape: Shape { graph.shape(output) }
    package func shape(ofParameter index: Int) -> Shape { graph.shape(parameters[index]) }

    /// Whether a parameter is bound by reference: a data array, whose content never changes.
    package func isData(_ index: Int) -> Bool { graph.role(of: parameters[index]) == .data }

    /// A function made from this one, made once.
    func derive(_ key: Derivation, _ make: () -> DerivedFunction) -> DerivedFunction {
        if let known = derived.withLock({ $0[key] }) { return known }
        // Made outside the lock: derivatives of nested functions derive further ones.
        let made = make()
        return derived.withLock { table in
            if let known = table[key] { return known }
            table[key] = made
            return made
        }
    }

    /// The function with some parameters bound, so that bodies that differ in their arguments alone are one.
    func specialized(to bindings: [ParameterBinding]) -> DerivedFunction {
        derive(.specialized(bindings)) {
            var body = Graph()
            body.cancelsTerms = graph.cancelsTerms
            var image: [NodeID] = []
            var places: [Int] = []
            for (index, binding) in bindings.enumerated() {
                switch binding {
                case .own:
                    places.append(index)
                    image.append(body.addInput(like: parameters[index], of: graph))
                case .constant(let bits):
                    image.append(body.constant(Double(bitPattern: bits), shape: shape(ofParameter: index)))
                case .same(let earlier): image.append(image[earlier])
                }
            }
            let parameterImages = Dictionary(uniqueKeysWithValues: zip(parameters, image))
            let copied = body.copy([output], from: graph, image: parameterImages)[0]
            return DerivedFunction(copied, of: places.map { image[$0] }, at: places, in: body)
        }
    }

    /// This function and all that its body carries, each once, inner ones before those that use them.
    package var closure: [GraphFunction] {
        var result: [GraphFunction] = []
        var known: Set<GraphFunction> = []
        var stack: [(function: GraphFunction, isExpanded: Bool)] = [(self, false)]
        while let (function, isExpanded) = stack.popLast() {
            if isExpanded {
                if known.insert(function).inserted { result.append(function) }
            } else if !known.contains(function) {
                stack.append((function, true))
                for id in function.graph.reachable(from: [function.output]) {
                    stack += function.graph.operation(id).functions.map { ($0, false) }
                }
            }
        }
        return result
    }
}

/// How a function was made from another.
enum Derivation: Hashable {
    /// The tangent along these parameters.
    case tangent([Int])
    /// The cotangents of these parameters.
    case cotangent([Int])
    /// The product with the transposed matrix of a function that is linear in its last parameter.
    case adjoint
    /// The derivative in the last parameter, as a matrix-vector product that keeps its direction.
    case product
    /// One step of the tangent of a loop, and of its adjoint from an output that is stacked or summed, or from the end.
    case tangentStep([Int])
    case adjointStep([Int], LoopOutput?)
    /// Fewer parameters.
    case specialized([ParameterBinding])
}

/// What becomes of a parameter in a function with fewer of them.
enum ParameterBinding: Hashable {
    case own
    /// This number, by its bits, in every element.
    case constant(UInt64)
    /// The value of an earlier parameter.
    case same(as: Int)
}

/// A function with the arguments that it takes out of a longer list: unused ones are left out.
package struct DerivedFunction: Sendable {
    package let function: GraphFunction
    /// For each parameter, its place in the list.
    package let kept: [Int]
    /// Of cotangents: the parameters whose cotangents the function gives, one after the other; all others are zero.
    package private(set) var given: [Int] = []

    /// The arguments that the function takes.
    package func select<Argument>(_ arguments: [Argument]) -> [Argument] { kept.map { arguments[$0] } }

    /// Leaves out the parameters that `output` does not need, but for the last `keeping`.
    init(_ output: NodeID, of parameters: [NodeID], in graph: Graph, keeping: Int = 0, given: [Int] = []) {
        self.given = given
        let used = Set(graph.inputs(of: [output]))
        kept = parameters.indices.filter { used.contains(parameters[$0]) || $0 >= parameters.count - keeping }
        function = GraphFunction(output, of: kept.map { parameters[$0] }, in: graph)
    }

    /// The parameters at `places` alone, where `output` needs them.
    fileprivate init(_ output: NodeID, of parameters: [NodeID], at places: [Int], in graph: Graph) {
        let reduced = DerivedFunction(output, of: parameters, in: graph)
        function = reduced.function
        kept = reduced.kept.map { places[$0] }
    }
}

extension Graph {
    /// The inputs, other than `parameters`, that the outputs need: what a function of `parameters` must capture.
    package func captures(of outputs: [NodeID], besides parameters: [NodeID]) -> [NodeID] {
        let own = Set(parameters)
        return inputs(of: outputs).filter { !own.contains($0) }
    }

    func name(of input: NodeID) -> String {
        if case .input(let symbol) = operation(input) { symbols[symbol.index].name } else { "argument" }
    }

    /// An input as another graph has it.
    mutating func addInput(like input: NodeID, of source: Graph) -> NodeID {
        addInput(
            source.name(of: input), shape: source.shape(input), role: source.role(of: input),
            storage: source.storage(ofInput: input))
    }

    func role(of input: NodeID) -> SymbolRole {
        if case .input(let symbol) = operation(input) { symbols[symbol.index].role } else { .value }
    }
}
