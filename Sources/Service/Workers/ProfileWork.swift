// Looking through an uploaded file inside a worker: what it holds, or why it is no data set of its format.
import DataFormats
import Foundation
import ProblemSpecification

/// One file to be looked through.
package struct ProfileWork {
    let order: ProfileOrder

    /// The answer; nil where it is long and cannot be written.
    func perform() -> Parcel? {
        let answer = Self.answer(order.file, format: order.format, memoryBytes: order.memoryBytes)
        return try? Parcel(
            JSONWriter.bytes(answer), limit: Parcel.reportBytes, file: URL(fileURLWithPath: order.answer))
    }

    /// The profile of a file, or a fault.
    package static func answer(_ file: String, format: DatasetFormat, memoryBytes: Int) -> JSONValue {
        var answer = JSONObjectBuilder()
        do {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file), options: .mappedIfSafe))
            let profile = try DatasetReader.profile(
                bytes, format: format, byteLimit: DatasetLocator.byteLimit, memoryLimit: memoryBytes)
            answer.add("profile", DatasetDocument.content(profile))
        } catch let error as DatasetError {
            // A message may quote what the file holds.
            answer.add("fault", String(error.message.prefix(400)))
        } catch {
            answer.add("failure", "the file could not be read: \(error)")
        }
        return answer.value
    }

    /// What an answer says.
    package static func outcome(_ answer: JSONValue) -> ProfileOutcome {
        if let profile = answer["profile"] { return .profile(profile) }
        if let fault = answer["fault"]?.text { return .refused(fault) }
        return .unavailable(answer["failure"]?.text ?? "the data set could not be read")
    }
}
