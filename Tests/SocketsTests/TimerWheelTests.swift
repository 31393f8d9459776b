// The wheel and the table of registrations as plain values.
import Sockets
import Testing

@Suite struct TimerWheelTests {
    @Test func firesAtItsTickAndOnce() {
        var wheel = TimerWheel(now: 100)
        wheel.schedule(1, at: 105)
        #expect(wheel.nextTick == 105)
        #expect(wheel.advance(to: 104) == [])
        #expect(wheel.advance(to: 105) == [1])
        #expect(wheel.advance(to: 700) == [])
        #expect(wheel.nextTick == nil)
    }

    @Test func theLastDeadlineCounts() {
        var wheel = TimerWheel(now: 0)
        wheel.schedule(1, at: 10)
        wheel.schedule(1, at: 5)
        wheel.schedule(2, at: 5)
        wheel.schedule(2, at: 10)
        #expect(wheel.advance(to: 5) == [1])
        #expect(wheel.advance(to: 10) == [2])
    }

    @Test func aCancelledOneIsSilent() {
        var wheel = TimerWheel(now: 0)
        wheel.schedule(1, at: 10)
        wheel.cancel(1)
        #expect(wheel.count == 0 && wheel.nextTick == nil)
        #expect(wheel.advance(to: 20) == [])
    }

    @Test func aPastDeadlineIsDueAtOnce() {
        var wheel = TimerWheel(now: 100)
        wheel.schedule(1, at: 3)
        #expect(wheel.advance(to: 100) == [1])
    }

    /// Connections that come and go for hours, while one stays: what they leave behind goes with its slot.
    @Test func holdsNothingOfThoseThatAreGone() {
        var wheel = TimerWheel(now: 0)
        wheel.schedule(0, at: 1_000_000)
        for tick in 1...20_000 {
            for number in 0..<3 {
                wheel.schedule(3 * tick + number, at: tick + 1_000)
                wheel.cancel(3 * tick + number)
            }
            #expect(wheel.advance(to: tick) == [])
        }
        #expect(wheel.count == 1 && wheel.entryCount <= 1 + 3 * 512)
        #expect(wheel.nextTick ?? .max <= 1_000_000 && wheel.advance(to: 1_000_000) == [0])
    }

    /// Against a dictionary that is searched, over random operations; gaps up to several rounds of the wheel.
    @Test(arguments: 1...20) func agreesWithASearchedDictionary(_ seed: UInt64) {
        var random = seed
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        var wheel = TimerWheel(now: 0)
        var model: [Int: Int] = [:]
        var now = 0
        for _ in 0..<2000 {
            switch next(4) {
            case 0, 1:
                let key = next(30)
                let tick = now + 1 + next(2000)
                wheel.schedule(key, at: tick)
                model[key] = tick
            case 2:
                let key = next(30)
                wheel.cancel(key)
                model[key] = nil
            default:
                now += next(next(10) == 0 ? 3000 : 100)
                let due = model.filter { $0.value <= now }.keys
                #expect(wheel.advance(to: now).sorted() == due.sorted())
                for key in due { model[key] = nil }
            }
            #expect(wheel.count == model.count)
            #expect(wheel.nextTick ?? Int.max <= model.values.min() ?? Int.max)
        }
    }
}

@Suite struct RegistrationTableTests {
    private final class Deaf: EventHandler {
        func isReady(_ readiness: Readiness) {}
        func deadlineHasPassed() {}
    }

    @Test func aReusedSlotHasAnotherKey() {
        var table = RegistrationTable()
        let (first, second) = (Deaf(), Deaf())
        let key = table.insert(first)
        table.remove(key)
        table.remove(key)
        let reused = table.insert(second)
        #expect(reused != key && table.count == 1)
        #expect(table[key] == nil && table[reused] === second)
    }
}
