// JSON as tests read it: by Foundation, not by the parser under test.
import Foundation

/// A JSON value.
package struct Reading {
    private let value: Any

    package init(_ bytes: [UInt8]) throws {
        value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    }

    private init(value: Any) { self.value = value }

    /// A member of an object.
    package subscript(name: String) -> Reading? { (value as? [String: Any])?[name].map(Reading.init(value:)) }

    package var text: String? { value as? String }
    package var flag: Bool? { value as? Bool }
    package var number: Double? { (value as? NSNumber)?.doubleValue }
    package var integer: Int? { (value as? NSNumber).flatMap { Int(exactly: $0.doubleValue) } }
    package var items: [Reading] { (value as? [Any] ?? []).map(Reading.init(value:)) }
}
