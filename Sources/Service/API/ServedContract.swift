// The contract for programs (openapi.json) and for people (/docs): made once, from `openapi.yaml` and nothing else.
import ProblemSpecification

/// A contract that cannot be shown: a sentence.
package struct ContractError: Error, Equatable {
    package let reason: String
}

/// The contract in its forms.
package struct ServedContract: Sendable {
    /// The file.
    let yaml: [UInt8]
    let json: [UInt8]
    /// A page that needs nothing but itself.
    let html: [UInt8]

    /// - Parameter contract: `openapi.yaml`.
    package init(_ contract: [UInt8]) throws(ContractError) {
        yaml = contract
        guard let text = String(validating: contract, as: UTF8.self) else {
            throw ContractError(reason: "the contract is not UTF-8")
        }
        do throws(JSONError) {
            let document = try YAMLReader.read(text)
            json = JSONWriter.bytes(document)
            html = Array(ContractPage(document).text.utf8)
        } catch {
            throw ContractError(reason: "the contract, line \(error.line): \(error.message)")
        }
    }
}

/// Writes the page.
private struct ContractPage {
    private(set) var text = ""
    private let document: JSONValue
    private static let methods = ["get", "post", "put", "patch", "delete"]

    init(_ document: JSONValue) {
        self.document = document
        let title = document["info"]?["title"]?.text ?? "API"
        text = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(title.asHTML) API</title><style>\(Self.style)</style></head><body>
            <h1>\(title.asHTML) \((document["info"]?["version"]?.text ?? "").asHTML)</h1>

            """
        paragraph(document["info"]?["summary"])
        paragraph(document["info"]?["description"])
        text +=
            "<p>As a file: <a href=\"/openapi.yaml\">openapi.yaml</a>, <a href=\"/openapi.json\">openapi.json</a>.</p>\n"
        contents()
        for tag in document["tags"]?.elements ?? [] { section(tag) }
        schemas()
        text += "</body></html>\n"
    }

    private static let style = """
        body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;\
        background:#fff}code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.7rem;\
        overflow:auto}h3 code{background:#eef;padding:.1rem .4rem}table{border-collapse:collapse;width:100%}\
        th,td{text-align:left;vertical-align:top;border-bottom:1px solid #ddd;padding:.25rem .6rem .25rem 0}\
        details{margin:.5rem 0}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}\
        pre{background:#222}h3 code{background:#224}a{color:#8bf}th,td{border-color:#444}}
        """

    private typealias Operation = (method: String, path: String, item: JSONValue, operation: JSONValue)

    private var operations: [Operation] {
        (document["paths"]?.members ?? []).flatMap { path in
            Self.methods.compactMap { method in
                path.value[method].map { (method.uppercased(), path.name, path.value, $0) }
            }
        }
    }

    private func operations(of tag: JSONValue) -> [Operation] {
        operations.filter { $0.operation["tags"]?[0] == tag["name"] }
    }

    private mutating func paragraph(_ value: JSONValue?) {
        if let words = value?.text { text += "<p>\(words.asHTML)</p>\n" }
    }

    private mutating func contents() {
        text += "<ul>\n"
        for tag in document["tags"]?.elements ?? [] {
            for entry in operations(of: tag) {
                text += "<li><a href=\"#\(anchor(entry))\"><code>\(entry.method) \(entry.path.asHTML)</code></a> "
                text += "\((entry.operation["summary"]?.text ?? "").asHTML)</li>\n"
            }
        }
        text += "</ul>\n"
    }

    private func anchor(_ entry: Operation) -> String { (entry.operation["operationId"]?.text ?? "").asHTML }

    private mutating func section(_ tag: JSONValue) {
        text += "<h2>\((tag["name"]?.text ?? "").asHTML)</h2>\n"
        paragraph(tag["description"])
        for entry in operations(of: tag) { operation(entry) }
    }

    private mutating func operation(_ entry: Operation) {
        text += "<h3 id=\"\(anchor(entry))\"><code>\(entry.method) \(entry.path.asHTML)</code></h3>\n"
        paragraph(entry.operation["summary"])
        paragraph(entry.operation["description"])
        parameters((entry.item["parameters"]?.elements ?? []) + (entry.operation["parameters"]?.elements ?? []))
        if let body = entry.operation["requestBody"].map(resolved) {
            text += "<h4>Body</h4>\n"
            content(body)
        }
        text += "<h4>Answers</h4>\n<table><tr><th>status</th><th>when</th><th>content</th></tr>\n"
        for response in entry.operation["responses"]?.members ?? [] {
            let value = resolved(response.value)
            let kinds = (value["content"]?.members ?? []).map { kind in
                "<code>\(kind.name.asHTML)</code> \(name(of: kind.value["schema"]))"
            }
            text += "<tr><td>\(response.name.asHTML)</td><td>\((value["description"]?.text ?? "").asHTML)</td>"
            text += "<td>\(kinds.joined(separator: "<br>"))</td></tr>\n"
        }
        text += "</table>\n"
    }

    private mutating func parameters(_ parameters: [JSONValue]) {
        guard !parameters.isEmpty else { return }
        text += "<table><tr><th>parameter</th><th>in</th><th>value</th><th></th></tr>\n"
        for parameter in parameters.map(resolved) {
            text += "<tr><td><code>\((parameter["name"]?.text ?? "").asHTML)</code></td>"
            text += "<td>\((parameter["in"]?.text ?? "").asHTML)</td><td>\(name(of: parameter["schema"]))</td>"
            text += "<td>\((parameter["description"]?.text ?? "").asHTML)</td></tr>\n"
        }
        text += "</table>\n"
    }

    private mutating func content(_ body: JSONValue) {
        paragraph(body["description"])
        for kind in body["content"]?.members ?? [] {
            text += "<p><code>\(kind.name.asHTML)</code> \(name(of: kind.value["schema"]))</p>\n"
            for example in kind.value["examples"]?.members ?? [] {
                let value = resolved(example.value)
                text += "<details><summary>\((value["summary"]?.text ?? example.name).asHTML)</summary>"
                text += "<pre>\(indented(value["value"] ?? .null).asHTML)</pre></details>\n"
            }
        }
    }

    private mutating func schemas() {
        text += "<h2>Schemas</h2>\n"
        for schema in document["components"]?["schemas"]?.members ?? [] {
            text += "<details id=\"schema-\(schema.name.asHTML)\"><summary><code>\(schema.name.asHTML)</code></summary>"
            text += "<pre>\(indented(schema.value).asHTML)</pre></details>\n"
        }
    }

    private func indented(_ value: JSONValue) -> String { JSONWriter.string(value, style: .pretty) }

    /// What a `$ref` names.
    private func resolved(_ value: JSONValue) -> JSONValue {
        guard let reference = value["$ref"]?.text else { return value }
        return reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] ?? .null }
    }

    /// A schema in a word: a link, or its type and bounds.
    private func name(of schema: JSONValue?) -> String {
        guard let schema else { return "" }
        if let reference = schema["$ref"]?.text, let name = reference.split(separator: "/").last {
            return "<a href=\"#schema-\(String(name).asHTML)\">\(String(name).asHTML)</a>"
        }
        if let choices = schema["oneOf"]?.elements { return choices.map(name).joined(separator: " or ") }
        if let items = schema["items"] { return "list of \(name(of: items))" }
        let words = (schema.members ?? []).filter {
            ["type", "enum", "const", "minimum", "maximum", "default"].contains($0.name)
        }
        return words.map { member in
            let value = member.value.text ?? JSONWriter.string(member.value)
            return member.name == "type" ? value.asHTML : "\(member.name) \(value.asHTML)"
        }.joined(separator: ", ")
    }
}

extension String {
    /// With the characters escaped that mean something in HTML.
    fileprivate var asHTML: String {
        reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}
