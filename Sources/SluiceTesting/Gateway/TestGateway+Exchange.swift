extension TestGateway {
    /// One request of a new client, answered by the origin over a new connection: what the origin saw and what came
    /// back.
    package func exchange(
        _ request: String,
        with origin: ScriptedOrigin,
        answer: String = Wire.ok(),
        listener: String = "main"
    ) throws -> (request: HTTPMessage, response: HTTPMessage) {
        // The connection of an earlier exchange has ended: let the pool notice.
        try settle()
        let client = try connect(listener)
        try client.send(request)
        let upstream = try origin.accept()
        let seen = try upstream.readRequest()
        try upstream.send(answer)
        return (request: seen, response: try client.readResponse(to: String(request.prefix { $0 != " " })))
    }

    /// One request of a new client that the gateway answers by itself.
    package func answer(to request: String, listener: String = "main") throws -> HTTPMessage {
        let client = try connect(listener)
        try client.send(request)
        return try client.readResponse(to: String(request.prefix { $0 != " " }))
    }
}
