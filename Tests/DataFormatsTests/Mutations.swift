// Texts with a few faults, for readers that must survive all of them.
import Tensors

/// Copies of a text with one to five bytes replaced, removed or inserted; always the same ones.
struct Mutations: Sequence, IteratorProtocol {
    private let text: [UInt8]
    private let alphabet: [UInt8]
    private var stream = RandomStream(seed: 6, stream: "mutations")

    /// - Parameter alphabet: what is inserted.
    init(of text: String, alphabet: String) {
        self.text = Array(text.utf8)
        self.alphabet = Array(alphabet.utf8)
    }

    mutating func next() -> [UInt8]? {
        var bytes = text
        for _ in 0...stream.below(4) {
            let place = stream.below(bytes.count)
            switch stream.below(3) {
            case 0: bytes[place] = UInt8(stream.below(256))
            case 1: bytes.remove(at: place)
            default: bytes.insert(alphabet[stream.below(alphabet.count)], at: place)
            }
        }
        return bytes
    }
}
