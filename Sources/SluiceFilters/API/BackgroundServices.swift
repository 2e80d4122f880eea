package import NIOCore
package import SluiceCore

/// What filters have done away from the loops of requests: fetching keys, sending spans.
///
/// Isolation: any thread.
package protocol BackgroundServices: AnyObject, Sendable {
    /// A loop of its own.
    var loop: any EventLoop { get }
    /// Makes one HTTP request. `completion` is called exactly once, on `loop`.
    func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    )
    /// Takes one line for operators, without a line end.
    func log(_ line: String)
    /// What is counted on `loop`, and only there.
    var metrics: MetricShard { get }
}

/// One request of the gateway's own. Redirects are not followed.
package struct FetchRequest: Sendable {
    package var method = "GET"
    package var url: FetchURL
    /// Further fields; host, length and framing are written by whoever sends it.
    package var fields: [(name: String, value: String)] = []
    package var body: [UInt8] = []
    /// For everything, from the look-up of the name to the last byte.
    package var timeout = TimeAmount.seconds(5)
    /// Bytes of the answer's body; a longer one is a failure.
    package var answerLimit = 1 << 20

    package init(_ url: FetchURL) { self.url = url }
}

/// What came back.
package struct FetchAnswer: Sendable {
    package var status: Int
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The first field of that name, in any case of letters.
    package func field(_ name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why there was no answer, in words for operators.
package struct FetchError: Error, Equatable, Sendable {
    package let message: String

    package init(_ message: String) { self.message = message }
}

/// For gateways without background work, as in tests: every request fails.
package final class NoBackground: BackgroundServices {
    package let loop: any EventLoop
    package let metrics = MetricShard()

    package init(loop: any EventLoop) { self.loop = loop }

    package func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        loop.execute { completion(.failure(FetchError("nothing is fetched here"))) }
    }

    package func log(_ line: String) {}
}
