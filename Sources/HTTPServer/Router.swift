// From method and path to a handler. Knows what RFC 9110 §9.3 and §15.5 make automatic: HEAD, OPTIONS, 404, 405.
import HTTP1

/// What a route does with a request's content.
package enum BodyPolicy: Equatable, Sendable {
    /// Not looked at, and dropped.
    case ignored
    /// Read as a whole before the handler runs; more than `limit` bytes get 413, before they are read where the length
    /// is announced.
    case collected(limit: Int)
    /// Given to the handler as it arrives; what exceeds `limit` bytes is not.
    case streamed(limit: Int)
}

/// A method on a pattern of paths.
package struct Route: Sendable {
    /// Where and how the route is answered.
    package enum Handler: Sendable {
        /// On the loop: no I/O, no waiting, under 50 µs.
        case inline(@Sendable (Request) throws -> Response)
        /// In a task of its own. Must not block its thread: it belongs to all tasks.
        case offLoop(@Sendable (Request) async throws -> Response)
    }

    /// Method and pattern as they were added, `GET /v1/jobs/{id}`: a label for metrics without ids.
    package let name: String
    /// What is done with content.
    package let body: BodyPolicy
    /// Who answers.
    package let handler: Handler
}

/// Routes by their path segments.
package struct Router: Sendable {
    /// What a method and a path lead to.
    enum Match {
        case route(Route, parameters: [String: String])
        /// The path exists; its methods as Allow lists them.
        case options(allow: String)
        case fault(ServerFault)
    }

    private struct Entry: Sendable {
        let method: RequestMethod
        let route: Route
        let parameterNames: [String]
    }

    /// Searched from the first to the last: a node has few children and fewer methods, and hashing costs more.
    private struct Node: Sendable {
        var literals: [(segment: String, node: Int)] = []
        var parameter: Int?
        var entries: [Entry] = []
        var allow = ""

        func child(_ segment: Substring) -> Int? { literals.first { $0.segment == segment }?.node }
        func entry(_ method: RequestMethod) -> Entry? { entries.first { $0.method == method } }
    }

    private var nodes = [Node()]

    /// No routes.
    package init() {}

    /// Adds a route. HEAD and OPTIONS come with it.
    ///
    /// - Parameters:
    ///   - pattern: `/v1/jobs/{id}`: begins with a slash; a segment in braces takes any one segment that is not empty.
    ///   - body: what is done with content.
    /// - Precondition: no route has the same method and shape: a mistake of the program.
    package mutating func add(
        _ method: RequestMethod, _ pattern: String, body: BodyPolicy = .ignored, _ handler: Route.Handler
    ) {
        precondition(pattern.hasPrefix("/"), "a pattern begins with a slash: \(pattern)")
        var node = 0
        var names: [String] = []
        for segment in pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let isParameter = segment.hasPrefix("{") && segment.hasSuffix("}")
            if isParameter { names.append(String(segment.dropFirst().dropLast())) }
            node = child(of: node, literal: isParameter ? nil : String(segment))
        }
        precondition(nodes[node].entry(method) == nil, "two routes: \(method.token) \(pattern)")
        let route = Route(name: "\(method.token) \(pattern)", body: body, handler: handler)
        nodes[node].entries.append(Entry(method: method, route: route, parameterNames: names))
        nodes[node].allow = Self.allow(nodes[node].entries.map(\.method))
    }

    private mutating func child(of node: Int, literal: String?) -> Int {
        let existing = literal.map { nodes[node].child($0[...]) } ?? nodes[node].parameter
        if let existing { return existing }
        nodes.append(Node())
        if let literal {
            nodes[node].literals.append((literal, nodes.count - 1))
        } else {
            nodes[node].parameter = nodes.count - 1
        }
        return nodes.count - 1
    }

    private static func allow(_ methods: some Collection<RequestMethod>) -> String {
        let automatic: [RequestMethod] = methods.contains(.get) ? [.head, .options] : [.options]
        return Set(methods.map(\.token) + automatic.map(\.token)).sorted().joined(separator: ", ")
    }

    /// Finds what `head` leads to. A literal segment wins over a variable one.
    func match(_ head: RequestHead) -> Match {
        switch head.method {
        case .other, .connect:
            return .fault(.notImplemented)
        case .get, .head, .post, .put, .patch, .delete, .options, .trace:
            break
        }
        if head.target.form == .asterisk {
            return .options(allow: Self.allow(nodes.flatMap(\.entries).map(\.method)))
        }
        var values: [Substring] = []
        guard let node = find(head.target.path.dropFirst(), from: 0, values: &values) else {
            return .fault(.notFound)
        }
        return match(head.method, at: nodes[node], values: values)
    }

    private func match(_ method: RequestMethod, at node: Node, values: [Substring]) -> Match {
        guard let entry = node.entry(method) ?? (method == .head ? node.entry(.get) : nil) else {
            if method == .options { return .options(allow: node.allow) }
            return .fault(.methodNotAllowed(allow: node.allow))
        }
        guard !values.isEmpty else { return .route(entry.route, parameters: [:]) }
        var parameters: [String: String] = [:]
        for (name, value) in zip(entry.parameterNames, values) {
            guard let decoded = PercentCoding.decodedSegment(value) else { return .fault(.invalidPathParameter) }
            parameters[name] = decoded
        }
        return .route(entry.route, parameters: parameters)
    }

    /// The node of `path`, and what its variable segments hold.
    private func find(_ path: Substring, from node: Int, values: inout [Substring]) -> Int? {
        let end = path.utf8.firstIndex(of: UInt8(ascii: "/"))
        let segment = path[..<(end ?? path.endIndex)]
        let rest = end.map { path[path.utf8.index(after: $0)...] }
        if let literal = nodes[node].child(segment), let found = goOn(rest, from: literal, values: &values) {
            return found
        }
        guard let parameter = nodes[node].parameter, !segment.isEmpty else { return nil }
        values.append(segment)
        if let found = goOn(rest, from: parameter, values: &values) { return found }
        values.removeLast()
        return nil
    }

    private func goOn(_ rest: Substring?, from node: Int, values: inout [Substring]) -> Int? {
        if let rest { return find(rest, from: node, values: &values) }
        return nodes[node].entries.isEmpty ? nil : node
    }
}
