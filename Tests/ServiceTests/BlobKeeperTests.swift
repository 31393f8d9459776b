// Files by their hash: the same bytes once, nothing taken from whoever holds it or has a row, everything else gone.
import Foundation
import Service
import Testing

@Suite struct BlobKeeperTests {
    private let folder: URL
    private let keeper: BlobKeeper

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "blobs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        keeper = BlobKeeper(folder: folder)
    }

    private func names() throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
    }

    private func sweep(needed: Set<String> = [], age: TimeInterval = 0) async throws -> Int {
        try await keeper.sweep(olderThan: age, at: Date()) { $0.intersection(needed) }
    }

    @Test func whatNeitherARowNorAnybodyNeedsGoes() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let needed = try keeper.blobs.keep([1])
        let held = try keeper.blobs.keep([2])
        _ = try keeper.blobs.keep([3])
        try Data([4]).write(to: folder.appending(path: "\(needed).new"))
        var hold = keeper.hold([held])
        #expect(try await sweep(needed: [needed], age: 3_600) == 0)
        #expect(try await sweep(needed: [needed]) == 2)
        #expect(try names() == [needed, held])
        #expect(hold?.hashes == [held])
        hold = nil
        #expect(try await sweep(needed: [needed]) == 1)
        #expect(try names() == [needed])
        #expect(keeper.hold([needed, held]) == nil)
        // A hold that was refused holds nothing.
        #expect(try await sweep() == 1)
    }

    @Test func whatIsHeldBetweenTheQuestionAndTheRemovalStays() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let hash = try keeper.blobs.keep([1])
        let count = try await keeper.sweep(olderThan: 0, at: Date()) { _ in
            // Somebody comes, writes a row and leaves before the answer is used: the answer does not know the row.
            #expect(keeper.hold([hash]) != nil)
            return []
        }
        #expect(count == 0)
        #expect(try names() == [hash])
    }

    @Test func theSameBytesAreKeptOnce() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let uploads = folder.appending(path: "uploads")
        try FileManager.default.createDirectory(at: uploads, withIntermediateDirectories: true)
        for number in 0..<2 {
            let file = try UploadFile(path: uploads.appending(path: "\(number)").path)
            try await file.append([1, 2])
            try await file.append([3])
            let (hash, count) = try await file.seal()
            #expect(count == 3 && Digest.hexadecimal(hash) == Digest.sha256([1, 2, 3]))
            let hold = try await file.move(into: keeper, as: Digest.hexadecimal(hash))
            #expect(hold.hashes == [Digest.sha256([1, 2, 3])])
        }
        #expect(try names() == ["uploads", Digest.sha256([1, 2, 3])])
        #expect(try FileManager.default.contentsOfDirectory(atPath: uploads.path).isEmpty)
    }

    @Test func anUploadThatIsGivenUpLeavesNothing() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            let file = try UploadFile(path: folder.appending(path: "1").path)
            try await file.append([1])
            #expect(try names() == ["1"])
        }
        #expect(try names().isEmpty)
    }

    @Test func uploadsAreBoundedInNumberAndKeepTheReserve() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        var limits = UploadLimits()
        limits.atOnce = 2
        let room = UploadRoom(folder: folder, limits: limits)
        var first = try room.begin(announced: nil) as Upload?
        let second = try room.begin(announced: 1_000)
        #expect(throws: (any Error).self) { try room.begin(announced: nil) }
        #expect(first != nil && second.file.path != first?.file.path)
        first = nil
        _ = try room.begin(announced: nil)
        limits.reservedBytes = .max
        #expect(throws: (any Error).self) { try UploadRoom(folder: folder, limits: limits).begin(announced: 0) }
        #expect(throws: (any Error).self) { try room.begin(announced: .max) }
    }
}
