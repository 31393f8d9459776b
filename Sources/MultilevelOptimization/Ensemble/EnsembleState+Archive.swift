// Writing the state of several runs out and reading it back: the members' archives one behind the other in one.

extension EnsembleState {
    /// Rungs of any job, at the most: each has at most half the members of the one before.
    private static let rungLimit = 64

    /// The state as bytes.
    ///
    /// - Parameter identity: of the whole job; reading demands the same.
    package func archive(identity: String) -> [UInt8] {
        var writer = StateWriter()
        writer.write(identity)
        writer.write(rung)
        writer.write(members.count)
        for (index, member) in members.enumerated() {
            writer.write(member.rungs)
            writer.write(member.lastRung ?? -1)
            writer.write(member.isLate)
            writer.write(member.hasEnded)
            writer.write(member.score != nil)
            if let score = member.score { writer.write(score) }
            writer.write(member.run != nil)
            if let run = member.run { writer.write(bytes: run.archive(identity: Self.identity(index))) }
        }
        return writer.archive
    }

    /// Reads a state.
    ///
    /// - Parameter count: members of the job.
    package init(archive: [UInt8], identity: String, count: Int) throws(StateArchiveError) {
        var reader = try StateReader(archive)
        guard try reader.readString() == identity else { throw .otherProblem }
        let rung = try reader.readInt()
        guard (0...Self.rungLimit).contains(rung) else { throw .invalidField("rung") }
        guard try reader.readInt() == count else { throw .otherProblem }
        var members: [MemberState] = []
        for index in 0..<count { members.append(try reader.readMember(index, through: rung)) }
        guard reader.isAtEnd else { throw .invalidField("trailing bytes") }
        self.init(rung: rung, members: members)
    }

    fileprivate static func identity(_ member: Int) -> String { "member \(member)" }
}

extension StateWriter {
    fileprivate mutating func write(_ score: MemberScore) {
        write(score.objective)
        write(score.solvedObjective)
        write(score.hypergradientNorm)
        write(score.lowerResidual)
        write(score.sign)
    }
}

extension StateReader {
    /// - Parameter rung: the one that is being climbed.
    fileprivate mutating func readMember(_ index: Int, through rung: Int) throws(StateArchiveError) -> MemberState {
        let (rungs, last) = (try readInt(), try readInt())
        guard rungs >= 0, rungs - 1 <= rung, last >= -1, last < max(rung, 0) else { throw .invalidField("rung") }
        let (isLate, hasEnded) = (try readBool(), try readBool())
        let score = try readBool() ? try readScore() : nil
        let run =
            try readBool()
            ? try SolverState(archive: try readBytes(), identity: EnsembleState.identity(index)) : nil
        guard !hasEnded || run?.termination != nil && score != nil else { throw .invalidField("end") }
        return MemberState(
            run: run, rungs: rungs, score: score, lastRung: last < 0 ? nil : last, isLate: isLate, hasEnded: hasEnded)
    }

    fileprivate mutating func readScore() throws(StateArchiveError) -> MemberScore {
        MemberScore(
            objective: try readDouble(), solvedObjective: try readOptionalDouble(),
            hypergradientNorm: try readDouble(), lowerResidual: try readDouble(), sign: try readDouble())
    }
}
