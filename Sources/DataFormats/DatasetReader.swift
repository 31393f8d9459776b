// Bytes of a data set → tensors and profiles. Reading files and the network is somebody else's work.

/// The formats that data sets come in.
package enum DatasetFormat: String, Sendable, CaseIterable {
    case csv
    case npy
    case libsvm
}

/// Why bytes are no data set of their format.
package enum DatasetError: Error, Equatable {
    case csv(CSVError)
    case npy(NPYError)
    case libsvm(LIBSVMError)

    /// The fault as a sentence without a full stop.
    package var message: String {
        switch self {
        case .csv(let error): error.message
        case .npy(let error): error.message
        case .libsvm(let error): error.message
        }
    }
}

/// Looks through whole data sets.
package enum DatasetReader {
    /// What a data set holds.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - byteLimit: the most bytes accepted.
    ///   - memoryLimit: the most bytes that the making of a sparse matrix may take.
    /// - Complexity: O(bytes); memory beyond the bytes is O(columns) for tables, O(1) for arrays, O(entries + features) for
    ///   labelled rows.
    package static func profile(
        _ bytes: [UInt8], format: DatasetFormat, byteLimit: Int, memoryLimit: Int = .max
    ) throws(DatasetError) -> DatasetProfile {
        switch format {
        case .csv:
            do throws(CSVError) { return try CSVReader.profile(bytes, byteLimit: byteLimit) } catch {
                throw .csv(error)
            }
        case .npy:
            do throws(NPYError) { return try NPYReader.profile(bytes, byteLimit: byteLimit) } catch {
                throw .npy(error)
            }
        case .libsvm:
            do throws(LIBSVMError) {
                return try LIBSVMReader.profile(bytes, byteLimit: byteLimit, memoryLimit: memoryLimit)
            } catch { throw .libsvm(error) }
        }
    }
}
