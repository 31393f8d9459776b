// "webhook": {"url": …, "events": […]}: whom a document wants told of its job.
import ExpressionLanguage
import HTTP1
import JobQueue
import ProblemSpecification

/// What a document says of webhooks. Types of fields are the document decoder's business; this is about their values.
struct WebhookWish {
    /// Nil where the document asks for nothing, or for something faulty.
    private(set) var subscription: Subscription?
    /// As a refusal lists them.
    private(set) var faults: [JSONValue] = []

    /// Bytes of the longest URL.
    static let urlBytes = 2_048
    private static let usualEvents: Set = [JobEvent.endType]

    init(of document: JSONValue, calling addresses: CallableAddresses) {
        guard let webhook = document["webhook"], let text = webhook["url"]?.text else { return }
        checkURL(text, addresses)
        let events = webhook["events"].map { self.events($0) } ?? Self.usualEvents
        if faults.isEmpty { subscription = Subscription(address: text, eventTypes: events) }
    }

    private mutating func fault(_ pointer: String, _ code: DiagnosticCode, _ message: String, hint: String? = nil) {
        let diagnostic = Diagnostic(pointer: "/webhook/\(pointer)", code: code, message: message, hint: hint)
        faults.append(ValidationDocument.fault(diagnostic))
    }

    private mutating func checkURL(_ text: String, _ addresses: CallableAddresses) {
        guard text.utf8.count <= Self.urlBytes else {
            return fault("url", .limitExceeded, "a URL has at most \(Self.urlBytes) bytes, came \(text.utf8.count)")
        }
        guard let url = HTTPURL(text) else {
            return fault(
                "url", .outOfRange, "wanted an absolute http or https URL, without user and fragment",
                hint: "as https://example.org/hooks/jobs")
        }
        if addresses.forbidsAtOnce(url.host) {
            fault(
                "url", .outOfRange, "\(url.host) is not a public address, and this service may not call it",
                hint: "the service's operator may allow it: serve --webhook-allow")
        }
    }

    private mutating func events(_ value: JSONValue) -> Set<String> {
        let words = value.elements ?? []
        if value.elements?.isEmpty == true {
            fault("events", .outOfRange, "wanted at least one of \(Subscription.tellable.joined(separator: ", "))")
        }
        for (index, word) in words.enumerated() {
            guard let text = word.text, !Subscription.tellable.contains(text) else { continue }
            let near = Suggestions.nearest(to: text, among: Subscription.tellable).map { "did you mean \"\($0)\"?" }
            fault(
                "events/\(index)", .unknownName,
                "webhooks tell of \(Subscription.tellable.joined(separator: " and "))", hint: near)
        }
        return Set(words.compactMap(\.text))
    }
}
