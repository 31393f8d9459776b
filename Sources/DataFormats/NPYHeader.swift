// The header of a .npy file: magic bytes, version, and a Python dictionary in ASCII or UTF-8.
// Source: NEP 1 and numpy.lib.format; the dictionary is read by a strict grammar of its own, never evaluated.

/// The element types that are read.
enum NPYElement: String {
    case float16 = "f2"
    case float32 = "f4"
    case float64 = "f8"
    case int8 = "i1"
    case int16 = "i2"
    case int32 = "i4"
    case int64 = "i8"
    case uint8 = "u1"
    case uint16 = "u2"
    case uint32 = "u4"
    case uint64 = "u8"
    case boolean = "b1"

    var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .int16, .uint16: 2
        case .int8, .uint8, .boolean: 1
        }
    }

    var isInteger: Bool {
        switch self {
        case .float16, .float32, .float64: false
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .boolean: true
        }
    }
}

/// What the elements of a file are and where they begin.
struct NPYHeader: Equatable {
    let element: NPYElement
    let isBigEndian: Bool
    let isFortranOrder: Bool
    let shape: [Int]
    let elementCount: Int
    /// Where the elements begin.
    let dataOffset: Int

    init(_ bytes: [UInt8]) throws(NPYError) {
        guard bytes.starts(with: NPYReader.magic) else { throw .notNPY }
        guard bytes.count >= 8 else { throw .truncatedHeader(expected: 10, actual: bytes.count) }
        let width: Int
        switch (bytes[6], bytes[7]) {
        case (1, 0): width = 2
        case (2, 0), (3, 0): width = 4
        case (let major, let minor): throw .unknownVersion(major: major, minor: minor)
        }
        guard bytes.count >= 8 + width else { throw .truncatedHeader(expected: 8 + width, actual: bytes.count) }
        let length = bytes[8..<(8 + width)].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= NPYReader.headerLimit else {
            throw .headerTooLong(length: length, limit: NPYReader.headerLimit)
        }
        dataOffset = 8 + width + length
        guard bytes.count >= dataOffset else { throw .truncatedHeader(expected: dataOffset, actual: bytes.count) }
        var parser = NPYHeaderParser(Array(bytes[(8 + width)..<dataOffset]))
        let fields = try parser.fields()
        (element, isBigEndian) = try Self.element(fields.descr)
        isFortranOrder = fields.fortranOrder
        shape = fields.shape
        var count = 1
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            if overflow { throw .invalidShape(shape) }
            count = product
        }
        guard shape.count <= NPYReader.rankLimit, !count.multipliedReportingOverflow(by: element.byteCount).overflow
        else {
            throw .invalidShape(shape)
        }
        elementCount = count
    }

    private static func element(_ descr: String) throws(NPYError) -> (NPYElement, isBigEndian: Bool) {
        guard let order = descr.first, "<>|=".contains(order),
            let element = NPYElement(rawValue: String(descr.dropFirst())),
            order != "|" || element.byteCount == 1
        else { throw .unsupportedType(descr) }
        return (element, order == ">")
    }
}

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }` and nothing else.
struct NPYHeaderParser {
    struct Fields {
        var descr: String
        var fortranOrder: Bool
        var shape: [Int]
    }

    private let text: [UInt8]
    private var position = 0

    init(_ text: [UInt8]) { self.text = text }

    mutating func fields() throws(NPYError) -> Fields {
        var descr: String?
        var fortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !accept("}") {
            let key = try string(wanted: "a key in quotes, or }")
            try expect(":")
            switch key {
            case "descr":
                if descr != nil { throw .duplicateKey(key) }
                descr = try type()
            case "fortran_order":
                if fortranOrder != nil { throw .duplicateKey(key) }
                fortranOrder = try boolean()
            case "shape":
                if shape != nil { throw .duplicateKey(key) }
                shape = try tuple()
            default: throw .unknownKey(key)
            }
            if !accept(",") {
                try expect("}")
                break
            }
        }
        skipBlanks()
        guard position == text.count else { throw fault("nothing after the dictionary") }
        guard let descr else { throw .missingKey("descr") }
        guard let fortranOrder else { throw .missingKey("fortran_order") }
        guard let shape else { throw .missingKey("shape") }
        return Fields(descr: descr, fortranOrder: fortranOrder, shape: shape)
    }

    private func fault(_ wanted: String) -> NPYError { .malformedHeader(offset: position, wanted: wanted) }

    private mutating func skipBlanks() {
        while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }

    private mutating func accept(_ character: Character) -> Bool {
        skipBlanks()
        guard position < text.count, text[position] == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Character) throws(NPYError) {
        guard accept(character) else { throw fault(String(character)) }
    }

    private mutating func string(wanted: String) throws(NPYError) -> String {
        skipBlanks()
        guard position < text.count, text[position] == 0x27 || text[position] == 0x22 else { throw fault(wanted) }
        let quote = text[position]
        guard let end = text[(position + 1)...].firstIndex(of: quote) else { throw fault("a closing quote") }
        defer { position = end + 1 }
        return String(decoding: text[(position + 1)..<end], as: UTF8.self)
    }

    /// A record type is a list of fields: named for what it is, so that the reader's sentence fits.
    private mutating func type() throws(NPYError) -> String {
        skipBlanks()
        if position < text.count, text[position] == 0x5b { throw .unsupportedType("a record") }
        return try string(wanted: "a type in quotes")
    }

    private mutating func boolean() throws(NPYError) -> Bool {
        skipBlanks()
        for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw fault("True or False")
    }

    private mutating func tuple() throws(NPYError) -> [Int] {
        var dimensions: [Int] = []
        try expect("(")
        while !accept(")") {
            dimensions.append(try integer())
            if dimensions.count > NPYReader.rankLimit { throw .invalidShape(dimensions) }
            if !accept(",") {
                // (3) is a number in Python, not a tuple; NumPy never writes it.
                if dimensions.count == 1 { throw fault(",") }
                try expect(")")
                break
            }
        }
        return dimensions
    }

    private mutating func integer() throws(NPYError) -> Int {
        skipBlanks()
        let digits = text[position...].prefix { (0x30...0x39).contains($0) }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw fault("a dimension that an integer holds, or )")
        }
        position = digits.endIndex
        // Files that Python 2 wrote have `3L`.
        if position < text.count, text[position] == 0x4c { position += 1 }
        return value
    }
}
