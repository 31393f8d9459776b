// What a label of a job may be, wherever it is given: short, and without characters that nobody sees.

/// Bounds on names and values of labels. They stand in lists of jobs, two hundred at a time.
package enum LabelRule {
    /// Characters of a name.
    package static let nameLength = 1...128
    /// Characters of a value.
    package static let valueLength = 0...1_024

    /// What is wrong with a label; nil where nothing is.
    package static func fault(name: String, value: String?) -> String? {
        fault("name", name, nameLength) ?? value.flatMap { fault("value", $0, valueLength) }
    }

    private static func fault(_ what: String, _ text: String, _ length: ClosedRange<Int>) -> String? {
        let scalars = text.unicodeScalars
        guard length.contains(scalars.count) else {
            return
                "the \(what) of a label has \(length.lowerBound) to \(length.upperBound) characters, came \(scalars.count)"
        }
        return scalars.contains { $0.properties.generalCategory == .control }
            ? "the \(what) of a label holds no control characters" : nil
    }
}
