// .npy files → tensors and back. All elements become doubles; integers and truth values stay integers.

import Tensors

/// Reads arrays of NumPy's .npy format, versions 1 to 3.
package enum NPYReader {
    /// Most bytes of a header's dictionary: NumPy's own limit.
    package static let headerLimit = 10_000
    /// Most dimensions: NumPy's own limit before its version 2.
    package static let rankLimit = 32

    /// What every file begins with; not UTF-8.
    package static let magic: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

    /// Reads an array, or rows of it.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - firstRow: the first row with NumPy's meaning, as `endRow`; all rows when both are nil.
    ///   - byteLimit: the most bytes accepted.
    /// - Returns: the array in row-major order, whatever its order in the file.
    package static func read(
        _ bytes: [UInt8], firstRow: Int? = nil, endRow: Int? = nil, byteLimit: Int
    ) throws(NPYError) -> Tensor {
        let header = try checkedHeader(bytes, byteLimit: byteLimit)
        var values = try elements(bytes, header)
        if header.isFortranOrder && header.shape.count > 1 { values = rowMajor(values, header.shape) }
        let elementType: ElementType = header.element.isInteger ? .integer : .float64
        var shape = header.shape
        if firstRow != nil || endRow != nil {
            let count = shape.first ?? 0
            let rows = TableSelection(firstRow: firstRow, endRow: endRow).rows(of: count)
            if rows.isEmpty { throw .noRows(count: count) }
            shape[0] = rows.count
            let width = values.count / count
            values = Array(values[(rows.lowerBound * width)..<(rows.upperBound * width)])
        }
        do {
            return try Tensor(shape: shape, values: values, elementType: elementType)
        } catch {
            preconditionFailure("as many elements as the shape holds were read, integers only where exact: \(error)")
        }
    }

    /// Looks through an array, keeping no element.
    static func profile(_ bytes: [UInt8], byteLimit: Int) throws(NPYError) -> DatasetProfile {
        let header = try checkedHeader(bytes, byteLimit: byteLimit)
        var summary = NumberSummary()
        try forEachElement(bytes, header) { summary.add($0) }
        return DatasetProfile(
            shape: header.shape, type: header.element.isInteger ? .integer : .float64, summary: summary)
    }

    /// The header of a file that has as many bytes as the header says.
    private static func checkedHeader(_ bytes: [UInt8], byteLimit: Int) throws(NPYError) -> NPYHeader {
        guard bytes.count <= byteLimit else { throw .tooManyBytes(count: bytes.count, limit: byteLimit) }
        let header = try NPYHeader(bytes)
        let expected = header.elementCount * header.element.byteCount
        guard bytes.count - header.dataOffset == expected else {
            throw .wrongByteCount(expected: expected, actual: bytes.count - header.dataOffset)
        }
        return header
    }

    private static func elements(_ bytes: [UInt8], _ header: NPYHeader) throws(NPYError) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(header.elementCount)
        try forEachElement(bytes, header) { values.append($0) }
        return values
    }

    /// The elements in the order of the file.
    @inline(__always)
    private static func forEachElement(
        _ bytes: [UInt8], _ header: NPYHeader, _ take: (Double) -> Void
    ) throws(NPYError) {
        switch header.element {
        case .float16: numbers(bytes, header) { (bits: UInt16) in take(half(bits)) }
        case .float32: numbers(bytes, header) { (bits: UInt32) in take(Double(Float(bitPattern: bits))) }
        case .float64: numbers(bytes, header) { (bits: UInt64) in take(Double(bitPattern: bits)) }
        case .int8: numbers(bytes, header) { (bits: UInt8) in take(Double(Int8(bitPattern: bits))) }
        case .int16: numbers(bytes, header) { (bits: UInt16) in take(Double(Int16(bitPattern: bits))) }
        case .int32: numbers(bytes, header) { (bits: UInt32) in take(Double(Int32(bitPattern: bits))) }
        case .uint8: numbers(bytes, header) { (bits: UInt8) in take(Double(bits)) }
        case .uint16: numbers(bytes, header) { (bits: UInt16) in take(Double(bits)) }
        case .uint32: numbers(bytes, header) { (bits: UInt32) in take(Double(bits)) }
        case .boolean: numbers(bytes, header) { (bits: UInt8) in take(bits == 0 ? 0 : 1) }
        case .int64: try wideIntegers(bytes, header, take) { Int64(bitPattern: $0) }
        case .uint64: try wideIntegers(bytes, header, take) { $0 }
        }
    }

    /// IEEE 754 binary16, on processors with and without it.
    private static func half(_ bits: UInt16) -> Double {
        let sign: Double = bits >> 15 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 31)
        let fraction = Double(bits & 1023)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
        }
    }

    @inline(__always)
    private static func numbers<Bits: FixedWidthInteger>(
        _ bytes: [UInt8], _ header: NPYHeader, _ take: (Bits) -> Void
    ) {
        let size = MemoryLayout<Bits>.size
        bytes.withUnsafeBytes { raw in
            for index in 0..<header.elementCount {
                let stored = raw.loadUnaligned(fromByteOffset: header.dataOffset + index * size, as: Bits.self)
                take(header.isBigEndian ? Bits(bigEndian: stored) : Bits(littleEndian: stored))
            }
        }
    }

    /// Integers that a double may not hold.
    private static func wideIntegers<Wide: FixedWidthInteger>(
        _ bytes: [UInt8], _ header: NPYHeader, _ take: (Double) -> Void, _ convert: (UInt64) -> Wide
    ) throws(NPYError) {
        var bad: (value: Wide, index: Int)?
        var index = 0
        numbers(bytes, header) { (bits: UInt64) in
            let value = convert(bits)
            if value.magnitude > 1 << 53, bad == nil { bad = (value, index) }
            index += 1
            take(Double(value))
        }
        if let bad { throw .integerTooLarge(String(bad.value), at: bad.index) }
    }

    /// From the first index running fastest to the last.
    private static func rowMajor(_ values: [Double], _ shape: [Int]) -> [Double] {
        var strides: [Int] = []
        var stride = 1
        for dimension in shape {
            strides.append(stride)
            stride *= dimension
        }
        var index = [Int](repeating: 0, count: shape.count)
        var source = 0
        return values.indices.map { _ in
            defer { advance(&index, &source, shape, strides) }
            return values[source]
        }
    }

    private static func advance(_ index: inout [Int], _ source: inout Int, _ shape: [Int], _ strides: [Int]) {
        for axis in shape.indices.reversed() {
            index[axis] += 1
            source += strides[axis]
            if index[axis] < shape[axis] { return }
            source -= strides[axis] * shape[axis]
            index[axis] = 0
        }
    }
}

/// Writes arrays of NumPy's .npy format.
package enum NPYWriter {
    /// The file of an array: version 1.0, little-endian, row-major, `<i8` for integers and `<f8` for the rest.
    package static func bytes(_ tensor: Tensor) -> [UInt8] {
        let isInteger = tensor.elementType == .integer
        let shape = tensor.shape.map { "\($0), " }.joined()
        var header = "{'descr': '<\(isInteger ? "i8" : "f8")', 'fortran_order': False, 'shape': (\(shape)), }"
        // The elements begin on a multiple of 64 bytes; a line ends the header.
        header += String(repeating: " ", count: (64 - (10 + header.utf8.count + 1) % 64) % 64) + "\n"
        var bytes: [UInt8] = NPYReader.magic + [1, 0]
        // A shape has few dimensions: the header stays far below 2^16 bytes.
        bytes += [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + Array(header.utf8)
        for value in tensor.values {
            let bits = isInteger ? UInt64(bitPattern: Int64(value)) : value.bitPattern
            withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
