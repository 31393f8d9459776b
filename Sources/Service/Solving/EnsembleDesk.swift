// What the members of a job that run side by side have in common: who is next, what is known of each, and the observer. One
// thread at a time is at the desk.
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Synchronization

/// Why members stop climbing before the rung's end.
enum Halt {
    case suspended
    /// A person wants no more.
    case stopped
    case failed(any Error)
}

/// A member whose turn it is.
struct MemberTurn {
    let member: Int
    /// Of it, when the turn began.
    let state: MemberState
    /// Iterations of all members, when the turn began.
    let iterations: Int
    let rung: Rung
    /// Equal parts of the time left of which this turn has one.
    let parts: Int
}

/// Keeps what members have in common.
final class EnsembleDesk<Observer: RunObserver>: Sendable {
    private struct Books {
        var state: EnsembleState
        var observer: Observer
        /// Members that have this rung to climb and have not begun.
        var waiting: ArraySlice<Int> = []
        /// Members of which it has been said that they are over.
        var told: Set<Int>
        var halt: Halt?
        var keeping: RunBooks
    }

    private let ensemble: AdmittedEnsemble
    /// Members that run at once, at most.
    private let atOnce: Int
    private let books: Mutex<Books>
    private let halted = Atomic<Bool>(false)

    init(
        _ ensemble: AdmittedEnsemble, _ state: EnsembleState, atOnce: Int, keeping: RunBooks, observer: Observer
    ) {
        self.ensemble = ensemble
        self.atOnce = atOnce
        books = Mutex(
            Books(
                state: state, observer: observer, told: Set(state.members.indices.filter { state.members[$0].isOver }),
                keeping: keeping))
    }

    // MARK: - Turns

    /// Lines up who has the rung to climb.
    ///
    /// - Returns: how many they are.
    func lineUp() -> Int {
        books.withLock { books in
            books.waiting = books.state.due[...]
            return books.waiting.count
        }
    }

    /// The next turn; nil when there is none, or nobody is to go on.
    func nextTurn() -> MemberTurn? {
        books.withLock { books in
            guard books.halt == nil, let member = books.waiting.popFirst() else { return nil }
            let rung = books.state.rung
            return MemberTurn(
                member: member, state: books.state.members[member], iterations: books.state.iterations,
                rung: ensemble.schedule[rung],
                parts: ensemble.schedule.parts(rung: rung, waiting: books.waiting.count, atOnce: atOnce))
        }
    }

    /// Notes what a turn has come to.
    func settle(_ member: Int, _ state: MemberState, halt: Halt? = nil) {
        books.withLock { books in
            books.state.members[member] = state
            if let halt { self.halt(halt, &books) }
            tellEnds(&books)
        }
    }

    /// Lets nobody go on: of several reasons the first, but a failure before all.
    func halt(_ reason: Halt) { books.withLock { halt(reason, &$0) } }

    private func halt(_ reason: Halt, _ books: inout Books) {
        if case .failed = books.halt { return }
        if case .failed = reason { books.halt = reason } else { books.halt = books.halt ?? reason }
        halted.store(true, ordering: .relaxed)
    }

    /// Whether those that run are to stop too.
    var isHalted: Bool { halted.load(ordering: .relaxed) }

    var haltReason: Halt? { books.withLock { $0.halt } }

    // MARK: - The whole

    var state: EnsembleState { books.withLock { $0.state } }

    /// Compares who has climbed the rung.
    ///
    /// - Returns: whether there is another.
    func finishRung() -> Bool {
        books.withLock { books in
            guard books.state.rung < ensemble.schedule.rungs.count - 1 else { return false }
            books.state.finishRung(ensemble.schedule)
            tellEnds(&books)
            return true
        }
    }

    /// Ends all that run for a reason from outside.
    func end(_ termination: Termination) {
        books.withLock { books in
            books.state.end(termination)
            tellEnds(&books)
        }
    }

    /// Gives back what was taken.
    func close() -> (observer: Observer, books: RunBooks) { books.withLock { ($0.observer, $0.keeping) } }

    /// Says of each member once that it is over.
    private func tellEnds(_ books: inout Books) {
        for (index, member) in books.state.members.enumerated() where member.isOver && books.told.insert(index).inserted
        {
            books.observer.ended(
                member: index, EnsembleDocument.event(member, ensemble.members[index], best: books.state.best))
        }
    }

    // MARK: - Reports

    /// Lets the observer hear of a member that runs.
    func report(_ tell: (inout Observer) -> Void) { books.withLock { tell(&$0.observer) } }

    /// For a member's stretch: what the job keeps, and no seconds yet.
    var booksOfMember: RunBooks {
        var books = books.withLock { $0.keeping }
        books.compile = 0
        return books
    }

    func addCompile(_ seconds: Double) { books.withLock { $0.keeping.compile += seconds } }

    /// Notes where a member is.
    func note(_ member: Int, _ run: SolverState) { books.withLock { $0.state.members[member].run = run } }

    /// The state of all: of those that run, as they were noted last, from where they come to the same bytes.
    var kept: KeptState { Self.kept(state) }

    private static func kept(_ state: EnsembleState) -> KeptState {
        KeptState(iteration: state.iterations) { state.archive(identity: $0) }
    }

    /// Lets the observer keep the state of all.
    ///
    /// - Parameter always: also when one has been kept just now.
    func keep(always: Bool) throws {
        try books.withLock { books in
            let now = ContinuousClock.now
            guard always || books.keeping.isDue(at: now) else { return }
            try books.observer.checkpoint(Self.kept(books.state))
            books.keeping.lastKept = now
        }
    }
}

/// What one member reports, brought to the desk.
struct MemberObserver<Observer: RunObserver>: RunObserver {
    let desk: EnsembleDesk<Observer>

    mutating func began(resumedFrom iteration: Int?) { desk.report { $0.began(resumedFrom: iteration) } }

    mutating func progress(
        _ point: ProgressPoint, of source: RunSource, incumbent: Incumbent, incumbentPoint: () -> [Double],
        elapsed: Double
    ) {
        desk.report {
            $0.progress(
                point, of: source, incumbent: incumbent, incumbentPoint: incumbentPoint, elapsed: elapsed)
        }
    }

    mutating func remark(_ text: String, iteration: Int, member: Int?) {
        desk.report { $0.remark(text, iteration: iteration, member: member) }
    }

    mutating func ended(member: Int, _ data: JSONValue) { desk.report { $0.ended(member: member, data) } }

    /// The others may have gone on since `state` was put together: the desk knows the newest.
    mutating func checkpoint(_ state: KeptState) throws { try desk.keep(always: false) }
}
