import NIOCore
import SluiceCore
import Testing

@testable import SluiceControl

@Suite struct RunEventsTests {
    private let events = RunEvents()

    /// Those that wait, by name.
    private var all: [String] {
        var names: [String] = []
        while let event = events.take(until: SystemClock.monotonic()) {
            names.append(String("\(event)".prefix { $0 != "(" }))
        }
        return names
    }

    @Test("reloads that nobody has begun are one; nothing else is left out, and the order stays")
    func reloadsTogether() {
        for event in [.reload, .reopenLogs, .reload, .reload, .reloadFor(Mailbox()), .reload, .stop, .stop]
            as [RunEvents.Event]
        {
            events.post(event)
        }
        #expect(all == ["reload", "reopenLogs", "reloadFor", "stop", "stop"])
    }

    @Test("a reload that is asked for when another one has begun is carried out")
    func reloadDuringAnother() {
        events.post(.reload)
        #expect(events.take(until: SystemClock.monotonic()) != nil)
        events.post(.reload)
        #expect(all == ["reload"])
        #expect(all.isEmpty)
    }
}
