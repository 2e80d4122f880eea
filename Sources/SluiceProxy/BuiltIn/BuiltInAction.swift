import NIOCore
import SluiceCore
package import SluiceFilters

/// An action that is part of the gateway and not an upstream's, such as the admin API.
///
/// It answers at once or, for what takes time, later: nothing slow may run on the loop.
package protocol BuiltInAction: Sendable {
    /// Answers one request. Isolation: the loop of the request.
    ///
    /// - Parameters:
    ///   - request: copied, so that it may be taken to another thread.
    ///   - later: takes the answer when this returns nil. After a minute the request is refused.
    /// - Returns: the answer; nil when it comes by `later`.
    func answer(_ request: BuiltInRequest, later: BuiltInTicket) -> LocalReply?
}

/// A request as built-in actions see it. Bodies are not read.
package struct BuiltInRequest: Sendable {
    package var method: String
    /// In the form that routes match, escapes included.
    package var path: String
    package var query: String?
    /// In their order; names in lower case.
    package var fields: [(name: String, value: String)]
    /// `Host`, with its port.
    package var authority: String

    package init(
        method: String,
        path: String,
        query: String? = nil,
        fields: [(name: String, value: String)] = [],
        authority: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.authority = authority
    }

    /// The first field of that name, which is in lower case.
    package func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// What an action holds on to that answers later. Any thread.
package struct BuiltInTicket: Sendable {
    private let loop: any EventLoop
    private let ticket: NIOLoopBound<FilterTicket>

    init(_ exchange: Exchange) {
        loop = exchange.loop.loop
        ticket = NIOLoopBound(FilterTicket(exchange), eventLoop: loop)
    }

    /// Whether somebody still waits for the answer. Asks the loop of the request, so never from there.
    package var isWanted: Bool { (try? loop.submit { [ticket] in ticket.value.isWaiting }.wait()) ?? false }

    /// Sends the answer, unless the client has gone or the time is up. Only the first one counts.
    package func send(_ reply: LocalReply) {
        loop.execute { [ticket] in ticket.value.resume(.respond(reply)) }
    }
}

extension Exchange {
    private static let patience = TimerWheel.ticks(nanoseconds: 60_000_000_000)

    /// In place of a route and its filters.
    func runBuiltIn(_ action: any BuiltInAction) {
        let head = request
        let described = BuiltInRequest(
            method: head.fields.string(head.methodRange),
            path: head.fields.string(head.path),
            query: head.query.map { head.fields.string($0) },
            fields: head.fields.entries.filter { !$0.isRemoved }.map { entry in
                (head.fields.string(entry.nameRange).lowercased(), head.fields.string(entry.valueRange))
            },
            authority: head.fields.string(head.authority)
        )
        if let answer = action.answer(described, later: BuiltInTicket(self)) { return reply(answer) }
        beginWaiting(Self.patience)
    }
}
