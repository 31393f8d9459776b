// What is wrong with LIBSVM text: the place, what was wanted, what came.

/// Why bytes are no LIBSVM data set, or a selection is none of it. Lines and columns are counted from 1, columns in bytes.
package enum LIBSVMError: Error, Equatable {
    /// More bytes than the caller allows.
    case tooManyBytes(count: Int, limit: Int)
    /// A line begins with something other than one number.
    case label(line: Int, column: Int, text: String)
    /// Neither `index:value` nor `qid:number`.
    case pair(line: Int, column: Int, text: String)
    /// What stands before the colon is no whole number, or is larger than `limit`.
    case index(line: Int, column: Int, text: String, limit: Int)
    /// A feature 0 where the caller says that counting starts at 1.
    case indexZero(line: Int, column: Int)
    /// Features must ascend within a line, each named once.
    case notAscending(line: Int, column: Int, index: Int, previous: Int)
    /// What stands after the colon is no number.
    case notANumber(line: Int, column: Int, text: String)
    /// A number larger than any double.
    case overflow(line: Int, column: Int, text: String)
    /// A feature beyond the number of features that the caller wants.
    case tooManyFeatures(index: Int, count: Int)
    /// So many features that the matrix would take more memory than the caller allows.
    case tooLarge(features: Int, bytes: Int, limit: Int)
    /// No data rows at all.
    case empty
    /// The row range selects nothing of `count` rows.
    case noRows(count: Int)

    /// The fault as a sentence without a full stop.
    package var message: String {
        switch self {
        case .tooManyBytes(let count, let limit): "the data set has \(count) bytes; at most \(limit) are accepted"
        case .label(let line, let column, let text):
            "line \(line), column \(column): wanted a number as the line's label, came \"\(text)\""
        case .pair(let line, let column, let text):
            "line \(line), column \(column): wanted index:value, came \"\(text)\""
        case .index(let line, let column, let text, let limit):
            "line \(line), column \(column): wanted a feature's index from 0 to \(limit), came \"\(text)\""
        case .indexZero(let line, let column):
            "line \(line), column \(column): feature 0 in a data set whose first feature is 1"
        case .notAscending(let line, let column, let index, let previous):
            "line \(line), column \(column): feature \(index) comes after feature \(previous); they must ascend"
        case .notANumber(let line, let column, let text):
            "line \(line), column \(column): wanted a number, came \"\(text)\""
        case .overflow(let line, let column, let text):
            "line \(line), column \(column): \(text) is larger than any double"
        case .tooManyFeatures(let index, let count):
            "the data set has a feature \(index), but only \(count) features are wanted"
        case .tooLarge(let features, let bytes, let limit):
            "its \(features) features take \(bytes) bytes, more than the \(limit) bytes that the job may use"
        case .empty: "the data set has no rows"
        case .noRows(let count): "the row range selects none of the \(count) rows"
        }
    }
}
