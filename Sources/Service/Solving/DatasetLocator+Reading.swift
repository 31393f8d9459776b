// From the bytes of a data set to the array that an entry of a document selects.
import DataFormats
import ProblemSpecification
import Tensors

extension DatasetLocator {
    /// Reads the part that is wanted; a part that the format does not have is named with those that it has.
    static func read(
        _ bytes: [UInt8], _ format: DatasetFormat, _ selection: DatasetSelection, _ memoryBytes: Int
    ) -> Result<DataValue, DatasetFault> {
        switch (format, selection.part) {
        case (.csv, .columns(let columns)): readTable(bytes, selection, columns)
        case (.npy, .columns(.all)): readArray(bytes, selection)
        case (.libsvm, .features(let features)):
            readLabelled(bytes, selection, features, memoryBytes).flatMap { rows in
                features.isDense
                    ? dense(rows.features, selection, memoryBytes) : .success(.sparse(rows.features))
            }
        case (.libsvm, .labels):
            readLabelled(bytes, selection, FeatureSelection(), memoryBytes).map { .dense($0.labels) }
        case (.npy, .columns):
            mismatch(selection, "is an array without names of columns", "leave out \"columns\", and slice in formulas")
        case (.libsvm, .columns):
            mismatch(selection, "holds labelled sparse rows", "say \"array\": \"features\" or \"array\": \"labels\"")
        case (.csv, .features), (.csv, .labels): mismatch(selection, "is a table", "leave out \"array\"")
        case (.npy, .features), (.npy, .labels): mismatch(selection, "is one array", "leave out \"array\"")
        }
    }

    private static func mismatch(
        _ selection: DatasetSelection, _ what: String, _ hint: String
    ) -> Result<DataValue, DatasetFault> {
        .failure(DatasetFault(message: "the data set \(selection.dataset) \(what)", hint: hint))
    }

    private static func readArray(
        _ bytes: [UInt8], _ selection: DatasetSelection
    ) -> Result<DataValue, DatasetFault> {
        do throws(NPYError) {
            return .success(
                .dense(
                    try NPYReader.read(
                        bytes, firstRow: selection.rows?.start, endRow: selection.rows?.end, byteLimit: byteLimit)))
        } catch {
            return .failure(DatasetFault(message: "data set \(selection.dataset): \(error.message)"))
        }
    }

    private static func readLabelled(
        _ bytes: [UInt8], _ selection: DatasetSelection, _ features: FeatureSelection, _ memoryBytes: Int
    ) -> Result<LabelledRows, DatasetFault> {
        let part = LIBSVMSelection(
            firstRow: selection.rows?.start, endRow: selection.rows?.end, firstIndex: features.firstIndex,
            features: features.count)
        do throws(LIBSVMError) {
            return .success(
                try LIBSVMReader.read(bytes, selection: part, byteLimit: byteLimit, memoryLimit: memoryBytes))
        } catch {
            return .failure(DatasetFault(message: "data set \(selection.dataset): \(error.message)"))
        }
    }

    private static func dense(
        _ matrix: SparseMatrix, _ selection: DatasetSelection, _ memoryBytes: Int
    ) -> Result<DataValue, DatasetFault> {
        // The numbers are made in one array and kept in another.
        let limit = memoryBytes / (2 * MemoryLayout<Double>.stride)
        if let count = Shapes.elementCount(matrix.shape), count <= limit, let tensor = try? matrix.dense() {
            return .success(.dense(tensor))
        }
        return .failure(
            DatasetFault(
                message: "data set \(selection.dataset): \(matrix.rows) rows of \(matrix.columns) features are too "
                    + "large to write out their zeros", hint: "leave out \"dense\""))
    }

    private static func readTable(
        _ bytes: [UInt8], _ selection: DatasetSelection, _ wanted: ColumnSelection
    ) -> Result<DataValue, DatasetFault> {
        let columns: TableColumns
        switch wanted {
        case .all: columns = .allNumeric
        case .names(let names): columns = .names(names)
        case .single(let name): columns = .names([name])
        }
        let isVector = if case .single = wanted { true } else { false }
        let table = TableSelection(
            columns: columns, firstRow: selection.rows?.start, endRow: selection.rows?.end, isVector: isVector)
        do throws(CSVError) {
            return .success(
                .dense(try CSVReader.read(bytes, selection: table, byteLimit: byteLimit)))
        } catch {
            return .failure(
                DatasetFault(message: "data set \(selection.dataset): \(error.message)", hint: hint(for: error)))
        }
    }

    private static func hint(for error: CSVError) -> String? {
        guard case .unknownColumn(_, let nearest) = error, let name = nearest.first else { return nil }
        return "did you mean \"\(name)\"?"
    }
}
