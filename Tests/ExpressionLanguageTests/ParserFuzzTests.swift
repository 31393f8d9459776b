// Hostile text, from a fixed seed: nothing traps, every fault lies in the text, every tree is well-formed.
import ExpressionLanguage
import Testing

@Suite struct ParserFuzzTests {
    /// SplitMix64 (Steele, Lea & Flood 2014).
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private static let words =
        Symbol.allCases.map(\.rawValue) + [
            "x", "y", "λ", "sum", "axis", "axis=", "1", "2.5", "1e999", "lambda", "if", "'", "\"", "%", "&&", "\n",
            "\r\n", "\t", "$", "#", "👩‍👩‍👧", "\u{301}", "(", ")", "[", "]",
        ]

    private static func bytes(_ random: inout Random) -> String {
        let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func soup(_ random: inout Random) -> String {
        let count = Int.random(in: 0...16, using: &random)
        // `words` is not empty.
        return (0..<count).map { _ in words.randomElement(using: &random)! }.joined(separator: "")
    }

    private static func mutant(_ random: inout Random) -> String {
        // `trees` is not empty.
        var scalars = Array(ParserTests.trees.randomElement(using: &random)!.0.unicodeScalars)
        for _ in 0..<Int.random(in: 1...3, using: &random) where !scalars.isEmpty {
            let place = Int.random(in: 0..<scalars.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: scalars.remove(at: place)
            case 1: scalars.insert(contentsOf: words.randomElement(using: &random)!.unicodeScalars, at: place)
            default: scalars.swapAt(place, Int.random(in: 0..<scalars.count, using: &random))
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    private static let makers: [@Sendable (inout Random) -> String] = [bytes, soup, mutant]

    @Test(arguments: [0, 1, 2]) func survivesHostileText(_ maker: Int) {
        var random = Random(state: 20_260_101 + UInt64(maker))
        for _ in 0..<7_000 {
            let text = Self.makers[maker](&random)
            let complaint = complaint(about: text)
            guard complaint == nil else {
                Issue.record("\(text.debugDescription): \(complaint ?? "")")
                return
            }
        }
    }

    private func complaint(about text: String) -> String? {
        let reading = Reading(text)
        guard reading.diagnostics.hasErrors == (reading.tree == nil) else { return "a tree or a fault, not both" }
        let source = SourceText(text)
        for fault in reading.diagnostics.kept {
            guard let position = fault.position else { return "a fault without a place" }
            if let complaint = complaint(about: position, in: source) { return complaint }
        }
        return reading.tree.flatMap(complaint(about:))
    }

    private func complaint(about position: Diagnostic.Position, in source: SourceText) -> String? {
        let end = source.location(ofByte: source.bytes.count)
        guard position.line >= 1, position.column >= 1 else { return "a place before the text" }
        guard (position.line, position.column) <= (end.line, position.line == end.line ? end.column : .max) else {
            return "a place beyond the text"
        }
        let excerpt = position.excerpt
        guard excerpt.text.count <= Excerpt.limit, !excerpt.text.contains(where: \.isNewline) else {
            return "a long quote"
        }
        guard !excerpt.caret.isEmpty, excerpt.caret.upperBound <= excerpt.text.count + 1 else { return "a stray caret" }
        return nil
    }

    private func complaint(about tree: SyntaxTree) -> String? {
        var uses = Array(repeating: 0, count: tree.nodes.count)
        for (place, node) in tree.nodes.enumerated() {
            guard 0 <= node.span.start, node.span.start < node.span.end, node.span.end <= tree.source.bytes.count,
                node.span.union(node.focus) == node.span
            else { return "a node outside the text" }
            for child in node.children {
                guard child < place else { return "a child behind its parent" }
                guard node.span.union(tree.nodes[child].span) == node.span else { return "a child outside its parent" }
                uses[child] += 1
            }
        }
        guard uses.dropLast().allSatisfy({ $0 == 1 }), uses.last == 0 else { return "not a tree" }
        return tree.nodes.count <= tree.source.bytes.count ? nil : "more nodes than bytes"
    }
}
