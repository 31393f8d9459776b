// What is forgotten, and what is not.
import JobQueue
import Testing

@Suite struct RecentValuesTests {
    @Test func keepsWhatWasWantedLastAndNoMoreThanItMay() {
        var values = RecentValues<Int, String>(limit: 10)
        for key in 0..<1_000 {
            values.keep("\(key)", for: key)
            // Wanted all the time, so never forgotten.
            // Four others between two times: fewer than half the limit.
            let first = values.value(of: 0)
            #expect(first == "0" && values.count <= 10)
            for recent in max(0, key - 2)...key {
                let found = values.value(of: recent)
                #expect(found == "\(recent)")
            }
        }
        let old = values.value(of: 500)
        #expect(old == nil)
    }

    @Test func takesTheNewestOfAKey() {
        var values = RecentValues<Int, String>(limit: 2)
        values.keep("a", for: 1)
        values.keep("b", for: 1)
        let found = values.value(of: 1)
        #expect(found == "b" && values.count == 1)
    }

    @Test func forgetsWhatItIsTold() {
        var values = RecentValues<Int, Int>(limit: 8)
        for key in 0..<6 { values.keep(key, for: key) }
        for key in 0..<6 {
            values.forget(key)
            let found = values.value(of: key)
            #expect(found == nil)
        }
        #expect(values.count == 0)
    }
}
