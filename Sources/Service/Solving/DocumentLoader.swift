// From a file to a document: JSON or YAML by its name, changes from the command line, then the decoder.
import ExpressionLanguage
import Foundation
import ProblemSpecification
import SQLiteStore

/// Why no document came out of a file.
package enum DocumentLoadError: Error {
    /// The file cannot be read: a sentence.
    case unreadable(String)
    /// The faults of the text or of the document.
    case faults(Diagnostics)
}

/// A document with the JSON it came from.
package struct LoadedDocument: Sendable {
    package private(set) var document: ProblemDocument
    /// The document as given, changes applied.
    package let source: JSONValue
    /// Where its data sets are found.
    package let datasets: DatasetLocator
    /// Faults of the document's form; a document with any is refused, but its formulas are looked at first.
    package let diagnostics: Diagnostics

    /// The hash of the canonical form, equal for documents that differ in layout and order only.
    ///
    /// Limits that were changed since do not count: a state goes on under other limits.
    package var sha256: String { Digest.sha256(JSONWriter.bytes(source, style: .canonical)) }
}

extension LoadedDocument {
    /// The same document under other limits.
    package func limited(to limits: JSONValue) throws(DocumentLoadError) -> LoadedDocument {
        var diagnostics = Diagnostics()
        guard let decoded = DocumentDecoder.decodeLimits(limits, into: &diagnostics) else {
            throw .faults(diagnostics)
        }
        var loaded = self
        loaded.limit(to: decoded.limits)
        return loaded
    }

    /// Puts other limits in the place of the document's.
    mutating func limit(to limits: Limits) { document.limits = limits }
}

/// Loads documents.
package enum DocumentLoader {
    /// Bytes of the largest document.
    package static let byteLimit = 64 << 20

    /// Reads `path`, applies `assignments` (`path=value`), decodes.
    package static func load(_ path: String, assignments: [String]) throws(DocumentLoadError) -> LoadedDocument {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let beside = DatasetLocator(folders: [folder], hint: "put % beside the document")
        return try decode(try source(path, assignments: assignments).value, datasets: beside)
    }

    /// Reads `path` and applies `assignments`; whether it is a document is for others to say.
    package static func source(_ path: String, assignments: [String]) throws(DocumentLoadError) -> JSONDocument {
        let url = URL(fileURLWithPath: path)
        let bytes = try read(url)
        var source = try parse(bytes, isYAML: ["yaml", "yml"].contains(url.pathExtension.lowercased()))
        for text in assignments { source = try apply(text, to: source) }
        return JSONDocument(value: source)
    }

    /// Decodes a document that is JSON already.
    package static func decode(
        _ source: JSONValue, datasets: DatasetLocator
    ) throws(DocumentLoadError) -> LoadedDocument {
        var diagnostics = Diagnostics()
        guard let document = DocumentDecoder.decodePartially(source, into: &diagnostics) else {
            throw .faults(diagnostics)
        }
        return LoadedDocument(document: document, source: source, datasets: datasets, diagnostics: diagnostics)
    }

    private static func read(_ url: URL) throws(DocumentLoadError) -> [UInt8] {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
            // A device or a pipe may never end.
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw DocumentLoadError.unreadable("\(url.path) is not a regular file")
            }
            let size = attributes[.size] as? Int ?? 0
            guard size <= byteLimit else {
                throw DocumentLoadError.unreadable(
                    "\(url.path) holds \(size) bytes; a document has at most \(byteLimit)")
            }
            return [UInt8](try Data(contentsOf: url))
        } catch let error as DocumentLoadError {
            throw error
        } catch {
            throw .unreadable("\(url.path) cannot be read: \(FileFault.describe(error))")
        }
    }

    private static func parse(_ bytes: [UInt8], isYAML: Bool) throws(DocumentLoadError) -> JSONValue {
        if isYAML {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw fault(code: .malformedJSON, "the text is not UTF-8")
            }
            do { return try YAMLReader.read(text) } catch { throw wrap(error.diagnostic) }
        }
        do { return try JSONParser.parse(bytes, byteLimit: byteLimit) } catch { throw wrap(error.diagnostic) }
    }

    private static func apply(_ text: String, to source: JSONValue) throws(DocumentLoadError) -> JSONValue {
        do throws(JSONAssignmentError) {
            return try source.applying(try JSONAssignment(text))
        } catch {
            throw fault(code: .wrongArgument, "--set \(text): \(error.message)")
        }
    }

    private static func fault(code: DiagnosticCode, _ message: String) -> DocumentLoadError {
        wrap(Diagnostic(pointer: "", code: code, message: message))
    }

    private static func wrap(_ diagnostic: Diagnostic) -> DocumentLoadError {
        var diagnostics = Diagnostics()
        diagnostics.report(.error, diagnostic)
        return .faults(diagnostics)
    }
}

/// Words for errors of the file system.
enum FileFault {
    /// What went wrong, without a path.
    static func describe(_ error: any Error) -> String {
        if let error = error as? SQLiteStoreError { return error.description }
        if let error = error as? DurableFile.Failure { return error.reason }
        if let code = (error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError {
            return String(cString: strerror(code.code.rawValue))
        }
        let cocoa = error as NSError
        switch CocoaError.Code(rawValue: cocoa.code) {
        case .fileReadNoSuchFile, .fileNoSuchFile: return "there is no such file"
        case .fileReadNoPermission, .fileWriteNoPermission: return "permission denied"
        default: return cocoa.localizedDescription
        }
    }
}
