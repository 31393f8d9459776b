// .npy files → tensors and back. All elements become doubles; integers and truth values stay integers.

import Tensors

/// Reads arrays of NumPy's .npy format, versions 1 to 3.
package enum NPYReader {
    /// Most bytes of a header's dictionary: NumPy's own limit.
    package static let headerLimit = 10_000
    /// Most dimensions: NumPy's own limit before its version 2.
    package static let rankLimit = 32

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - byteLimit: the most bytes accepted.
    /// - Returns: the array in row-major order, whatever its order in the file.
    package static func read(_ bytes: [UInt8], byteLimit: Int) throws(NPYError) -> Tensor {
        guard bytes.count <= byteLimit else { throw .tooManyBytes(count: bytes.count, limit: byteLimit) }
        let header = try NPYHeader(bytes)
        let expected = header.elementCount * header.element.byteCount
        guard bytes.count - header.dataOffset == expected else {
            throw .wrongByteCount(expected: expected, actual: bytes.count - header.dataOffset)
        }
        var values = try elements(bytes, header)
        if header.isFortranOrder && header.shape.count > 1 { values = rowMajor(values, header.shape) }
        do {
            return try Tensor(
                shape: header.shape, values: values, elementType: header.element.isInteger ? .integer : .float64)
        } catch {
            preconditionFailure("as many elements as the shape holds were read, integers only where exact: \(error)")
        }
    }

    private static func elements(_ bytes: [UInt8], _ header: NPYHeader) throws(NPYError) -> [Double] {
        switch header.element {
        case .float32: numbers(bytes, header) { (bits: UInt32) in Double(Float(bitPattern: bits)) }
        case .float64: numbers(bytes, header) { (bits: UInt64) in Double(bitPattern: bits) }
        case .int32: numbers(bytes, header) { (bits: UInt32) in Double(Int32(bitPattern: bits)) }
        case .int64: try integers(bytes, header)
        case .uint8: numbers(bytes, header) { (bits: UInt8) in Double(bits) }
        case .boolean: numbers(bytes, header) { (bits: UInt8) in bits == 0 ? 0 : 1 }
        }
    }

    private static func numbers<Bits: FixedWidthInteger>(
        _ bytes: [UInt8], _ header: NPYHeader, _ convert: (Bits) -> Double
    ) -> [Double] {
        let size = MemoryLayout<Bits>.size
        return bytes.withUnsafeBytes { raw in
            (0..<header.elementCount).map { index in
                let stored = raw.loadUnaligned(fromByteOffset: header.dataOffset + index * size, as: Bits.self)
                return convert(header.isBigEndian ? Bits(bigEndian: stored) : Bits(littleEndian: stored))
            }
        }
    }

    private static func integers(_ bytes: [UInt8], _ header: NPYHeader) throws(NPYError) -> [Double] {
        var bad: (value: Int64, index: Int)?
        var index = 0
        let values = numbers(bytes, header) { (bits: UInt64) in
            let value = Int64(bitPattern: bits)
            if value.magnitude > 1 << 53, bad == nil { bad = (value, index) }
            index += 1
            return Double(value)
        }
        if let bad { throw .integerTooLarge(String(bad.value), at: bad.index) }
        return values
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
        var bytes: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]
        // A shape has few dimensions: the header stays far below 2^16 bytes.
        bytes += [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + Array(header.utf8)
        for value in tensor.values {
            let bits = isInteger ? UInt64(bitPattern: Int64(value)) : value.bitPattern
            withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
