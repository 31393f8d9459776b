// Rows as a terminal shows them: columns as wide as they must be.

/// Lays tables out.
enum TextTable {
    /// A line for each row, two spaces between columns.
    ///
    /// - Parameter rows: equally many cells each.
    static func text(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(
                separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
