// Who outside is told of a job's events. A notice is written with its event, in one transaction, and stays until somebody
// has told it or given it up: it is told at least once.

/// Where events of a job are told, and which.
package struct Subscription: Hashable, Sendable {
    /// Opaque.
    package let address: String
    /// Of ``tellable``.
    package let eventTypes: Set<String>

    /// What can be told: the events of the queue's own making, so that the state of a job and its notice are one write.
    package static let tellable = [JobEvent.stateType, JobEvent.endType]

    package init(address: String, eventTypes: Set<String>) {
        self.address = address
        self.eventTypes = eventTypes
    }
}

/// An event that somebody is to be told.
package struct Notice: Hashable, Sendable {
    /// Never given twice, whatever was forgotten.
    package let number: Int64
    package let owner: String
    package let address: String
    package let event: JobEvent
    /// How often it has been taken, this time included.
    package let attempts: Int

    /// Who is told: what shares and busy receivers are counted by.
    package var receiver: String { Self.receiver(of: address) }

    /// The host of a URL, whatever its port, path and case; an address that is no URL itself.
    package static func receiver(of address: String) -> String {
        guard let scheme = address.firstRange(of: "://") else { return address }
        let authority = address[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        let host = authority.prefix { $0 != (authority.first == "[" ? "]" : ":") }
        return (host.last == "." ? host.dropLast() : host).lowercased()
    }

    package init(number: Int64, owner: String, address: String, event: JobEvent, attempts: Int) {
        self.number = number
        self.owner = owner
        self.address = address
        self.event = event
        self.attempts = attempts
    }
}
