// The four forms of a request-target, RFC 9112 §3.2, its path normalised once by RFC 3986 §6.2.2.

/// What a request is for.
package struct RequestTarget: Equatable, Sendable {
    /// How the target was written.
    package enum Form: Equatable, Sendable {
        case origin
        /// The authority of the target; it overrides Host.
        case absolute(authority: String)
        case authority(String)
        case asterisk
    }

    /// As it was written.
    package let form: Form
    /// Normalised: dot segments removed, unreserved characters decoded, other escapes kept in upper case. So `%2F`
    /// stays inside its segment, and no later step decodes twice. "*" in asterisk form, empty in authority form.
    package let path: String
    /// As sent, every escape checked; nil when there is no `?`.
    package let query: String?

    /// - Throws: `invalidTarget` for any other form, for a form that `method` does not take, for a fragment, and for
    ///   bytes or escapes outside the grammar (an escaped control character included).
    package init(_ bytes: UnsafeBufferPointer<UInt8>, method: RequestMethod) throws(RequestError) {
        if method == .connect {
            guard Authority.isValidWithPort(bytes) else { throw .invalidTarget }
            self.init(form: .authority(String(decoding: bytes, as: UTF8.self)), path: "", query: nil)
        } else if bytes.first == Byte.slash {
            try self.init(form: .origin, pathAndQuery: bytes[...])
        } else if bytes.elementsEqual("*".utf8) {
            guard method == .options else { throw .invalidTarget }
            self.init(form: .asterisk, path: "*", query: nil)
        } else {
            try self.init(absolute: bytes)
        }
    }

    private init(form: Form, path: String, query: String?) {
        self.form = form
        self.path = path
        self.query = query
    }

    private init(absolute bytes: UnsafeBufferPointer<UInt8>) throws(RequestError) {
        let scheme = bytes.prefix { $0 != Byte.colon }
        let name = UnsafeBufferPointer(rebasing: scheme)
        let rest = bytes[scheme.endIndex...]
        guard name.equalsIgnoringCase("http") || name.equalsIgnoringCase("https"),
            rest.starts(with: "://".utf8)
        else { throw .invalidTarget }
        let afterScheme = rest.dropFirst(3)
        let authority = afterScheme.prefix { $0 != Byte.slash && $0 != Byte.question }
        guard Authority.isValid(UnsafeBufferPointer(rebasing: authority)) else { throw .invalidTarget }
        try self.init(
            form: .absolute(authority: String(decoding: authority, as: UTF8.self)),
            pathAndQuery: bytes[authority.endIndex...])
    }

    private init(form: Form, pathAndQuery: Slice<UnsafeBufferPointer<UInt8>>) throws(RequestError) {
        let path = pathAndQuery.prefix { $0 != Byte.question }
        let query = pathAndQuery[path.endIndex...].dropFirst()
        guard let normalised = PathNormaliser.normalise(path) else { throw .invalidTarget }
        guard PercentCoding.isValid(query, literal: .query) else { throw .invalidTarget }
        let hasQuery = path.endIndex < pathAndQuery.endIndex
        self.init(form: form, path: normalised, query: hasQuery ? String(decoding: query, as: UTF8.self) : nil)
    }
}

extension RequestTarget {
    /// The query as pairs, in order, names and values decoded (`+` is a space, as forms and `curl -G
    /// --data-urlencode` write it). A name without `=` has the empty value. Decoded bytes that are not UTF-8 are
    /// replaced.
    package var queryItems: [(name: String, value: String)] {
        guard let query else { return [] }
        return query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            let value = pair[name.endIndex...].dropFirst()
            return (PercentCoding.decodedForm(name), PercentCoding.decodedForm(value))
        }
    }
}
