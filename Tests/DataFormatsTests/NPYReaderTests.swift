// .npy files as NumPy writes them become tensors; every malformed header is refused with its place.

import DataFormats
import Tensors
import Testing

@Suite struct NPYReaderTests {
    /// A file of the given header text and elements, as `numpy.lib.format` lays it out.
    private func file(_ header: String, _ elements: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let count = header.utf8.count
        let width = version == 1 ? 2 : 4
        let length = (0..<width).map { UInt8(count >> (8 * $0) & 255) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + elements
    }

    private func header(_ descr: String, _ shape: String, fortran: Bool = false) -> String {
        "{'descr': '\(descr)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }   \n"
    }

    private func read(_ bytes: [UInt8]) throws(NPYError) -> Tensor { try NPYReader.read(bytes, byteLimit: 1 << 20) }

    private func error(_ bytes: [UInt8]) -> NPYError? {
        do throws(NPYError) {
            _ = try read(bytes)
            return nil
        } catch { return error }
    }

    private func littleEndian<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
        numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
    }

    @Test func readsEveryElementType() throws {
        let doubles = littleEndian([1.5, -0.0, .infinity].map(\.bitPattern))
        #expect(try read(file(header("<f8", "(3,)"), doubles)) == Tensor(shape: [3], values: [1.5, -0.0, .infinity]))
        let floats = littleEndian([Float(0.1), -2].map(\.bitPattern))
        #expect(
            try read(file(header("<f4", "(2,)"), floats)) == Tensor(shape: [2], values: [Double(Float(0.1)), -2]))
        let integers: [(String, [UInt8])] = [
            ("<i4", littleEndian([Int32(-3), 7])), ("<i8", littleEndian([Int64(-3), 7])),
            (">i4", littleEndian([Int32(-3).byteSwapped, Int32(7).byteSwapped])),
        ]
        for (type, bytes) in integers {
            let expected = try Tensor(shape: [2], values: [-3, 7], elementType: .integer)
            #expect(try read(file(header(type, "(2,)"), bytes)) == expected)
        }
        #expect(
            try read(file(header("|u1", "(2,)"), [255, 0]))
                == Tensor(shape: [2], values: [255, 0], elementType: .integer))
        #expect(
            try read(file(header("|b1", "(2,)"), [1, 0])) == Tensor(shape: [2], values: [1, 0], elementType: .integer))
    }

    @Test func readsNarrowAndUnsignedNumbers() throws {
        func values(_ type: String, _ bytes: [UInt8]) throws -> [Double] {
            try read(file(header(type, "(\(bytes.count / Int(String(type.last!))!),)"), bytes)).values
        }
        #expect(try values("|i1", [0x80, 0x7F, 0xFF]) == [-128, 127, -1])
        #expect(try values("<i2", littleEndian([Int16.min, 300])) == [-32_768, 300])
        #expect(try values("<u2", littleEndian([UInt16.max, 1])) == [65_535, 1])
        #expect(try values(">u4", littleEndian([UInt32(7).byteSwapped])) == [7])
        #expect(try values("<u8", littleEndian([UInt64(1) << 53])) == [0x1p53])
        let large = littleEndian([UInt64.max])
        #expect(error(file(header("<u8", "(1,)"), large)) == .integerTooLarge("18446744073709551615", at: 0))
        // 1, −2, the largest, the smallest subnormal, −0, infinity: IEEE 754 binary16.
        let halves: [UInt16] = [0x3C00, 0xC000, 0x7BFF, 0x0001, 0x8000, 0x7C00]
        let doubles = try values("<f2", littleEndian(halves))
        #expect(doubles == [1, -2, 65_504, 0x1p-24, 0, .infinity] && doubles[4].sign == .minus)
        #expect(try values("<f2", littleEndian([UInt16(0x7E00)]))[0].isNaN)
    }

    @Test func readsRowsAsNumPySlices() throws {
        let bytes = NPYWriter.bytes(try Tensor(shape: [4, 2], values: [1, 2, 3, 4, 5, 6, 7, 8]))
        func rows(_ first: Int?, _ end: Int?) throws -> Tensor {
            try NPYReader.read(bytes, firstRow: first, endRow: end, byteLimit: 1 << 20)
        }
        #expect(try rows(1, 3) == Tensor(shape: [2, 2], values: [3, 4, 5, 6]))
        #expect(try rows(-1, nil) == Tensor(shape: [1, 2], values: [7, 8]))
        #expect(try rows(nil, 99).shape == [4, 2])
        #expect(throws: NPYError.noRows(count: 4)) { try rows(3, 3) }
        #expect(throws: NPYError.noRows(count: 0)) {
            try NPYReader.read(NPYWriter.bytes(Tensor(7)), firstRow: 0, endRow: nil, byteLimit: 1 << 10)
        }
        let empty = file(header("<f8", "(3, 0)"), [])
        #expect(try NPYReader.read(empty, firstRow: 1, endRow: nil, byteLimit: 1 << 10).shape == [2, 0])
        // Dimensions that only a zero keeps from overflowing.
        #expect(try read(file(header("<f8", "(0, 4611686018427387904, 4)"), [])).count == 0)
        #expect(try read(file(header("<f8", "(0, 4611686018427387904)", fortran: true), [])).count == 0)
    }

    @Test(arguments: [UInt8(1), 2, 3]) func readsEveryVersionAndShape(_ version: UInt8) throws {
        let six = [UInt8](1...6)
        func values(_ shape: String, fortran: Bool = false) throws -> Tensor {
            try read(file(header("|u1", shape, fortran: fortran), six, version: version))
        }
        #expect(try values("(2, 3)").values == [1, 2, 3, 4, 5, 6])
        #expect(try values("(2, 3)", fortran: true).values == [1, 3, 5, 2, 4, 6])
        #expect(try values("(1, 2, 3)", fortran: true).values == [1, 3, 5, 2, 4, 6])
        #expect(try values("(2, 1, 3)", fortran: true).shape == [2, 1, 3])
        #expect(try values("(6L,)", fortran: true).values == [1, 2, 3, 4, 5, 6])
        let scalar = try read(file(header("|u1", "()"), [9], version: version))
        #expect(scalar.shape == [] && scalar.values == [9])
        #expect(try read(file(header("<f8", "(0, 4)"), [], version: version)).shape == [0, 4])
    }

    @Test func takesKeysInAnyOrderAndEitherQuote() throws {
        let text = "{\"shape\":(2,),'fortran_order':True,'descr':'|u1'}"
        #expect(try read(file(text, [3, 4])).values == [3, 4])
    }

    @Test func refusesWhatIsNoHeader() {
        #expect(error([]) == .notNPY)
        #expect(error(Array("PK\u{3}\u{4}".utf8)) == .notNPY)
        let good = file(header("|u1", "(2,)"), [1, 2])
        #expect(error(Array(good.prefix(7))) == .truncatedHeader(expected: 10, actual: 7))
        #expect(error(Array(good.prefix(9))) == .truncatedHeader(expected: 10, actual: 9))
        #expect(error(Array(good.prefix(40))) == .truncatedHeader(expected: good.count - 2, actual: 40))
        var other = good
        other[6] = 4
        #expect(error(other) == .unknownVersion(major: 4, minor: 0))
        let long = String(repeating: " ", count: NPYReader.headerLimit + 1)
        #expect(error(file(long, [], version: 2)) == .headerTooLong(length: 10_001, limit: 10_000))
        #expect(error(file(header("|u1", "(2,)"), [1])) == .wrongByteCount(expected: 2, actual: 1))
        #expect(error(file(header("|u1", "(2,)"), [1, 2, 3])) == .wrongByteCount(expected: 2, actual: 3))
    }

    @Test(arguments: [
        ("", 0, "{"), ("{'descr': 3", 10, "a type in quotes"), ("{descr: 3}", 1, "a key in quotes, or }"),
        ("{'descr", 1, "a closing quote"), ("{'fortran_order': 1}", 18, "True or False"),
        ("{'shape': (3)}", 12, ","), ("{'shape': (-3,)}", 11, "a dimension that an integer holds, or )"),
        ("{'shape': (99999999999999999999,)}", 11, "a dimension that an integer holds, or )"),
        ("{'shape': (3, 4}", 15, ")"), ("{} x", 3, "nothing after the dictionary"),
    ])
    func namesThePlaceInTheHeader(_ text: String, _ offset: Int, _ wanted: String) {
        #expect(error(file(text, [])) == .malformedHeader(offset: offset, wanted: wanted))
    }

    @Test func refusesWrongKeysAndTypes() {
        #expect(error(file("{'shape': (), 'shape': ()}", [])) == .duplicateKey("shape"))
        #expect(error(file("{'sahpe': ()}", [])) == .unknownKey("sahpe"))
        #expect(error(file("{'shape': (), 'descr': '<f8'}", [])) == .missingKey("fortran_order"))
        for type in ["<c16", "<f16", "<i16", "f8", "|f8", "|O", ""] {
            #expect(error(file(header(type, "()"), [])) == .unsupportedType(type))
        }
        #expect(error(file("{'descr': [('a', '<f8')]", [])) == .unsupportedType("a record"))
        #expect(error(file(header("<f8", "(4611686018427387904, 2)"), [])) == .invalidShape([1 << 62, 2]))
        #expect(error(file(header("<f8", "(1152921504606846976,)"), [])) == .invalidShape([1 << 60]))
        let deep = "(" + String(repeating: "1, ", count: 33) + ")"
        #expect(error(file(header("|u1", deep), [1])) == .invalidShape([Int](repeating: 1, count: 33)))
        let large = littleEndian([Int64(1), Int64.min])
        #expect(error(file(header("<i8", "(2,)"), large)) == .integerTooLarge("-9223372036854775808", at: 1))
        #expect(throws: NPYError.tooManyBytes(count: 10, limit: 9)) {
            try NPYReader.read([UInt8](repeating: 0, count: 10), byteLimit: 9)
        }
    }

    @Test func readsWhatItWrites() throws {
        let tensors = try [
            Tensor(shape: [2, 3], values: [1, -0.0, .nan, .infinity, 0x1p-1074, 6]), Tensor(7),
            Tensor(shape: [0], values: []),
            Tensor(shape: [2, 1, 2], values: [-1, 0, 0x1p53, 3], elementType: .integer),
        ]
        for tensor in tensors {
            let bytes = NPYWriter.bytes(tensor)
            #expect((bytes.count - tensor.count * 8) % 64 == 0)
            #expect(try read(bytes) == tensor)
        }
    }

    /// 20,000 files with a few bytes changed, cut or repeated: each is read or refused, none crashes.
    @Test func survivesMutations() throws {
        var stream = RandomStream(seed: 5, stream: "npy mutations")
        let seeds = [
            file(header("<f8", "(1, 2)"), littleEndian([1.5, 2].map(\.bitPattern))),
            file(header("|u1", "(2, 3)", fortran: true), [1, 2, 3, 4, 5, 6], version: 2),
            file(header(">i8", "(1,)"), [0, 0, 0, 0, 0, 0, 0, 9], version: 3),
        ]
        let letters = Array("()[]{}'\",:<>|=0123456789LTF".utf8)
        var accepted = 0
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...(round % 3) {
                let place = stream.below(bytes.count)
                switch round % 5 {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(bytes[place], at: place)
                case 2: bytes[place] = letters[stream.below(letters.count)]
                default: bytes[place] = UInt8(stream.below(256))
                }
            }
            if let tensor = try? read(bytes) {
                accepted += 1
                #expect(tensor.count == tensor.shape.reduce(1, *))
            }
        }
        #expect(accepted > 100 && accepted < 10_000)
    }
}
