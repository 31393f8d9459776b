// What a supervisor learns of a worker that it asks nothing of.
import Foundation
import Testing

@testable import Service

@Suite(.timeLimit(.minutes(10))) struct WorkerProcessTests {
    @Test func beatsThatNobodyTakesLeaveRoomForTheEnd() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "beats-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Almost three hours of an idle worker.
        let beats = (0..<10_000).flatMap { WorkerFrame.encode(WorkerReport.beat(work: $0).json) }
        let file = folder.appending(path: "beats")
        try Data(beats).write(to: file)
        let program = folder.appending(path: "worker")
        try Data("#!/bin/sh\ncat '\(file.path)' >&3\nexit 7\n".utf8).write(to: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program.path)
        let worker = try WorkerProcess(executable: program.path, environment: ["PATH": "/usr/bin:/bin"])
        defer { worker.kill() }
        for _ in 0..<2_000 where !worker.isGone { try await Task.sleep(for: .milliseconds(10)) }
        try #require(worker.isGone)
        let news = await worker.inbox.take()
        guard case .report(.beat(work: 9_999)) = news.first, case .ended(.status(7)) = news.last else {
            Issue.record("\(news.count) pieces of news, first \(news.prefix(1))")
            return
        }
        #expect(news.count == 2)
    }

    @Test func aBeatTakesThePlaceOfABeatAndOfNothingElse() async {
        let inbox = Inbox<WorkerNews>(limit: 3)
        for news in [
            WorkerNews.report(.beat(work: 1)), .report(.suspended), .report(.beat(work: 2)), .report(.beat(work: 3)),
        ] {
            inbox.put(news, replacingLastIf: { news.isBeat && $0.isBeat })
        }
        let news = await inbox.take()
        #expect(news.map(\.isBeat) == [true, false, true])
        guard case .report(.beat(work: 3)) = news.last else {
            Issue.record("the last beat is not the newest")
            return
        }
    }
}
