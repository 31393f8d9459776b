// What a watch shows of events: lines for files, a line that is written over for terminals.
import Service
import Testing

@Suite struct WatchDisplayTests {
    private func event(_ type: String, _ data: String) throws -> WatchNews {
        .event(try #require(WatchedEvent(Array("{\"seq\":1,\"type\":\"\(type)\",\"data\":\(data)}".utf8))))
    }

    private func progress(_ iteration: Int, _ norm: String) throws -> WatchNews {
        try event(
            "progress",
            "{\"iteration\":\(iteration),\"upper_objective\":0.25,\"hypergradient_norm\":\(norm),\"elapsed_seconds\":1.5}"
        )
    }

    @Test func aFileGetsALineASecondAndTheLastOne() throws {
        var display = WatchDisplay(job: "job_1", iterations: 10, isLive: false)
        #expect(try display.show(event("state", #"{"state":"running"}"#), at: 0) == [.line("job_1 running")])
        let first = WatchOutput.line("iteration 0  objective 0.25  hypergradient 1.000e-02  1.5 s")
        #expect(try display.show(progress(0, "0.01"), at: 5) == [first])
        #expect(try display.show(progress(1, "0.01"), at: 5.999).isEmpty)
        #expect(try display.show(progress(2, "0.001"), at: 6) != [])
        #expect(try display.show(progress(3, "null"), at: 6.5).isEmpty)
        #expect(
            try display.show(event("end", #"{"state":"succeeded","termination":"stalled"}"#), at: 6.6) == [
                .line("iteration 3  objective 0.25  hypergradient -  1.5 s"), .line("job_1 succeeded: stalled"),
            ])
    }

    @Test func membersAreNamed() throws {
        var display = WatchDisplay(job: "job_1", iterations: 8, isLive: false)
        let point = #"{"member":3,"iteration":2,"upper_objective":0.25,"hypergradient_norm":1,"elapsed_seconds":1.5}"#
        #expect(
            try display.show(event("progress", point), at: 0) == [
                .line("member 3  iteration 2  objective 0.25  hypergradient 1.000e+00  1.5 s")
            ])
        let ends = [
            (
                #"{"member":3,"state":"dropped","termination":null,"iterations":2,"solved_objective":0.5}"#,
                "member 3  dropped after 2 iterations  objective 0.5"
            ),
            (
                #"{"member":0,"state":"failed","termination":"diverged","iterations":1,"objective":null,"detail":"x"}"#,
                "member 0  failed: diverged: x after 1 iterations"
            ),
            (#"{"member":7,"state":"not_started","termination":null}"#, "member 7  not_started after 0 iterations"),
        ]
        for (data, line) in ends { #expect(try display.show(event("member", data), at: 1) == [.line(line)]) }
    }

    @Test func aTerminalGetsABarAndTheCourseOfTheNorm() throws {
        var display = WatchDisplay(job: "job_1", iterations: 8, isLive: true)
        var last: [WatchOutput] = []
        for iteration in 0..<8 {
            last = try display.show(progress(iteration, "1e-\(iteration)"), at: Double(iteration))
        }
        let bar = String(repeating: "█", count: 17) + "░░░"
        #expect(
            last == [.live("\(bar) 7/8  objective 0.25  hypergradient 1.000e-07  1.5 s  █▇▆▅▄▃▂▁")], "\(last)")
    }

    @Test func theCourseKeepsItsWidth() throws {
        var display = WatchDisplay(job: "job_1", iterations: 1, isLive: true)
        var last: [WatchOutput] = []
        for iteration in 0..<5_000 { last = try display.show(progress(iteration, "1"), at: Double(iteration)) }
        guard case .live(let line) = last.first else {
            Issue.record("\(last)")
            return
        }
        #expect(
            line.hasSuffix("  " + String(repeating: "▁", count: 16))
                && line.hasPrefix(String(repeating: "█", count: 20)))
    }

    @Test func whatComesFromElsewhereMovesNoCursor() throws {
        var display = WatchDisplay(job: "job_1", iterations: 1, isLive: false)
        #expect(
            try display.show(event("warning", #"{"message":"a\u001b[2Jb"}"#), at: 0) == [
                .line("warning: a\u{FFFD}[2Jb")
            ])
        #expect(
            display.show(.interrupted(reason: "gone", seconds: 0.5), at: 0) == [.line("gone; trying again in 0.5 s")])
    }
}
