// What profiles say of small files whose numbers are known, and that they agree with the readers.
import DataFormats
import Tensors
import Testing

@Suite struct DatasetProfileTests {
    private func csv(_ text: String) throws(DatasetError) -> DatasetProfile {
        try DatasetReader.profile(Array(text.utf8), format: .csv, byteLimit: 1 << 20)
    }

    @Test func aTableIsDescribedColumnByColumn() throws {
        let profile = try csv("age,name,score\n3,ann,0.5\n,bob,-2\n7,,x\n-1,dan,1e999\n")
        #expect(profile.shape == [4, 3] && profile.type == .float64)
        let columns = try #require(profile.columns)
        #expect(columns.map(\.name) == ["age", "name", "score"])
        #expect(columns.map(\.type) == [.integer, nil, .float64])
        #expect(columns.map(\.summary.minimum) == [-1, nil, -2])
        #expect(columns.map(\.summary.maximum) == [7, nil, 0.5])
        #expect(columns.map(\.summary.missing) == [1, 1, 0])
        #expect(columns.map(\.summary.invalid) == [0, 0, 2])
        #expect(profile.summary.minimum == -2 && profile.summary.maximum == 7)
        #expect(profile.summary.missing == 2 && profile.summary.invalid == 2)
    }

    @Test func aTableWithoutHeaderCountsItsColumns() throws {
        let profile = try csv("1,2\r\n3,4\r\n")
        #expect(profile.shape == [2, 2] && profile.type == .integer)
        #expect(profile.columns?.map(\.name) == ["0", "1"])
    }

    @Test func faultsOfFormAreThoseOfTheReader() {
        #expect(throws: DatasetError.csv(.empty)) { try csv("") }
        #expect(throws: DatasetError.csv(.empty)) { try csv("a,b\n") }
        #expect(throws: DatasetError.csv(.raggedRow(line: 3, expected: 2, actual: 1))) { try csv("a,b\n1,2\n3\n") }
        #expect(throws: DatasetError.csv(.duplicateColumn("a"))) { try csv("a,a\n1,2\n") }
        #expect(throws: DatasetError.csv(.tooManyBytes(count: 3, limit: 2))) {
            try DatasetReader.profile([49, 44, 50], format: .csv, byteLimit: 2)
        }
        #expect(throws: DatasetError.npy(.notNPY)) {
            try DatasetReader.profile([1, 2, 3], format: .npy, byteLimit: 3)
        }
        #expect(throws: DatasetError.libsvm(.empty)) {
            try DatasetReader.profile([10], format: .libsvm, byteLimit: 3)
        }
    }

    @Test func wordsThatAreNotUTF8AreWords() throws {
        let profile = try DatasetReader.profile(
            Array("a,b\n1,".utf8) + [0xFF] + Array("\n2,3\n".utf8), format: .csv, byteLimit: 100)
        #expect(profile.columns?.map(\.type) == [.integer, nil])
    }

    @Test func anArrayIsDescribedWhole() throws {
        let tensor = try Tensor(shape: [2, 3], values: [1, .nan, -4, .infinity, 2.5, 0])
        let profile = try DatasetReader.profile(NPYWriter.bytes(tensor), format: .npy, byteLimit: 1 << 12)
        #expect(profile.shape == [2, 3] && profile.type == .float64 && profile.columns == nil)
        #expect(profile.summary.minimum == -4 && profile.summary.maximum == 2.5)
        #expect(profile.summary.missing == 1 && profile.summary.invalid == 1)
    }

    @Test func labelledRowsAreDescribedByWhatIsWrittenOut() throws {
        let profile = try DatasetReader.profile(
            Array("+1 1:0.5 4:-2\n-1 2:3 # a comment\n".utf8), format: .libsvm, byteLimit: 1 << 12)
        #expect(profile.shape == [2, 4] && profile.type == .float64 && profile.entryCount == 3)
        #expect(profile.summary.minimum == -2 && profile.summary.maximum == 3)
        #expect(profile.labels?.minimum == -1 && profile.labels?.maximum == 1)
    }

    @Test func aFeatureFarOffIsRefusedForItsMemory() {
        #expect(throws: DatasetError.self) {
            try DatasetReader.profile(
                Array("1 2000000000:1\n".utf8), format: .libsvm, byteLimit: 1 << 12, memoryLimit: 1 << 20)
        }
    }
}
