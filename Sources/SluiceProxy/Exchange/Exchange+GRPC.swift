import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP

/// What calls of gRPC need besides what HTTP gives them: a deadline, answers as a status, and that status for the records.
extension Exchange {
    // MARK: - Deadlines

    /// Settles how long the call may take: what the client gives it, but no more than the route allows. Both count from
    /// the head, since the body of a stream ends when the call does; only where nothing was sent before the body was
    /// there, the route's time begins now.
    ///
    /// A value that is malformed is ignored, as Envoy does; the upstream judges it then.
    ///
    /// - Returns: false when the time is up already.
    func beginCall(routeTicks: UInt64) -> Bool {
        isGRPC = true
        let now = timestamp
        let began = arrived > 0 ? arrived : now
        var deadline = UInt64.max
        if let range = request.fields.findValue(of: .grpcTimeout) {
            let limit = GRPCTimeout.parse(request.fields.lend(range)) ?? .max
            deadline = Self.sum(began, limit)
        }
        if routeTicks != TimerNode.never {
            let length = UInt64(TimerWheel.tickMilliseconds) * 1_000_000
            let (product, overflow) = routeTicks.multipliedReportingOverflow(by: length)
            if !overflow {
                deadline = min(deadline, Self.sum(translation?.holdsRequest == true ? now : began, product))
            }
        }
        // What nobody lives to see is no limit.
        guard deadline < UInt64(Int64.max) / 2 else { return true }
        request.fields.remove(.grpcTimeout)
        callDeadline = deadline
        let left = timeLeft
        guard left > 0 else { return false }
        startRouteTimeout(TimerWheel.ticks(nanoseconds: Int64(clamping: left)))
        return true
    }

    private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    /// Nanoseconds until the deadline of the call.
    private var timeLeft: UInt64 {
        let now = timestamp
        return callDeadline > now ? callDeadline - now : 0
    }

    /// Tells the upstream what is left of the call's time, which gets less with each attempt.
    func writeTimeout(to writer: inout HeadWriter) {
        guard callDeadline > 0, translation?.clientSpeaksGRPC != true else { return }
        writer.write("grpc-timeout: ")
        GRPCTimeout.text(nanoseconds: timeLeft).eachByte { writer.write($0) }
        writer.write("\r\n")
    }

    // MARK: - Answers of the gateway's own

    /// The status that an error of the gateway is to a client of gRPC; nil for other clients, and for those whose gRPC
    /// cannot be understood.
    func grpcStatus(of local: LocalReply) -> GRPCCode? {
        guard let error = local.error, translation?.clientSpeaksGRPC ?? request.fields.isGRPC else { return nil }
        if case .badGRPCWeb = error { return nil }
        return GRPCCode(error, httpStatus: local.status)
    }

    /// Makes the head of an answer that is nothing but a status (gRPC over HTTP/2, "Trailers-Only"), in place of the
    /// status and the body that other clients get.
    func prepareStatusOnly(_ code: GRPCCode, _ local: LocalReply) {
        isGRPC = true
        record.grpcStatus = code
        response.status = 200
        response.reason = response.fields.store("OK".utf8)
        // The client's own type: some take no other.
        let type = request.fields.grpcContentType ?? GRPCContentType(.plain)
        response.fields.append(.contentType, value: type.bytes)
        response.fields.append(.grpcStatus, value: "\(code.rawValue)".utf8)
        let message = local.body.isEmpty ? Array((local.error?.message ?? "").utf8) : local.body
        response.fields.append(name: "grpc-message".utf8, value: GRPCMessage.encode(message))
        if let error = local.error { response.fields.append(name: "x-sluice-reason".utf8, value: error.code.utf8) }
        response.fields.append(.xRequestID, value: errorID())
        for field in local.fields { response.fields.append(name: field.name, value: field.value) }
    }

    // MARK: - For the records

    /// Notes how the call ended, before filters can change what says so.
    func noteStatus(in fields: inout HeaderTable) {
        guard let code = fields.grpcStatus else { return }
        record.grpcStatus = code
    }

    /// What stands for the status of a call that ended without one.
    func noteMissingStatus() {
        guard isGRPC, record.grpcStatus == nil else { return }
        if let error {
            record.grpcStatus = GRPCCode(error, httpStatus: error.status)
        } else {
            record.grpcStatus = .transport(httpStatus: response.status)
        }
    }
}
