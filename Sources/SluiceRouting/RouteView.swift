package import NIOCore
package import SluiceCore

/// A `RouteTable` as a plain pointer, for matching without touching a shared reference count.
///
/// It must not outlive its table: keep both in the loop's own wrapper of the snapshot.
// SAFETY: written before the table is handed to anybody and never after; freed by the table's `deinit`.
package struct RouteView: @unchecked Sendable {
    private let pointer: UnsafeMutablePointer<RouteStorage>

    init(_ pointer: UnsafeMutablePointer<RouteStorage>) {
        self.pointer = pointer
    }

    var storage: UnsafePointer<RouteStorage> { UnsafePointer(pointer) }

    func free() {
        pointer.pointee.deallocate()
        pointer.deinitialize(count: 1)
        pointer.deallocate()
    }

    /// Finds the route of a request.
    ///
    /// - Parameters:
    ///   - head: `host`, `path`, `query` and the fields are looked at. Passed `inout` so that a head inside of a class
    ///     instance is borrowed and not copied; it is not changed.
    ///   - context: the connection's side.
    ///   - scratch: the loop's own working memory.
    ///   - captures: gets the captures of the route found; emptied otherwise.
    /// - Returns: the first route of the list that fits, or why there is none.
    package func match(
        _ head: inout RequestHead,
        _ context: RouteContext,
        scratch: inout MatchScratch,
        captures: inout Captures
    ) -> RouteMatch {
        captures.removeAll()
        // Taken out first: a closure that reads the head would copy it, references and all.
        let parts = Matcher.Parts(host: head.host, path: head.path, query: head.query ?? .empty)
        let methods = requestedMethods(&head, context)
        let isPreflight = context.matchesPreflights && head.method == .options && RouteTable.isPreflight(head)
        return head.fields.bytes.withUnsafeReadableBytes { bytes in
            head.fields.entries.withUnsafeBufferPointer { entries in
                withServerName(context) { sni in
                    var matcher = Matcher(storage, parts, bytes, entries, context, sni, methods)
                    matcher.isPreflight = isPreflight
                    return matcher.run(&scratch, &captures)
                }
            }
        }
    }

    /// Writes `GET, HEAD, POST` for an `Allow` field.
    package func writeAllow(_ methods: MethodSet, into out: inout ByteBuffer) {
        var first = true
        func write(_ name: UnsafeRawBufferPointer) {
            if !first { out.writeStaticString(", ") }
            first = false
            out.writeBytes(name)
        }
        for (index, name) in Method.knownNames.enumerated() where methods.bits & (1 << UInt64(index)) != 0 {
            write(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
        for index in 0..<UInt32(truncatingIfNeeded: storage.pointee.methods.count) {
            guard methods.bits & RouteStorage.customBit(index) != 0 else { continue }
            let name = storage.pointee.methods[index]
            write(storage.pointee.arena.bytes(name.start, name.count))
        }
    }

    /// Where the method lies that a preflight asks for; nil without one.
    static func requestedMethod(of head: RequestHead) -> ByteRange? {
        let name: StaticString = "access-control-request-method"
        let bytes = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return head.fields.firstIndex(ofLowercased: bytes).map { head.fields.entries[$0].valueRange }
    }

    /// The bits of the methods of which a route must take one.
    @inline(__always)
    private func requestedMethods(_ head: inout RequestHead, _ context: RouteContext) -> UInt64 {
        switch head.method {
        case .get: return RouteStorage.get
        case .options where context.matchesPreflights && head.fields.has(.origin):
            guard let asked = Self.requestedMethod(of: head) else { break }
            return head.fields.withBytes(asked) { storage.pointee.bits(for: Method.intern($0), $0) }
        default: break
        }
        return storage.pointee.bits(for: head.method, head.fields.lend(head.methodRange))
    }

    @inline(__always)
    private func withServerName<R>(_ context: RouteContext, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
        guard let name = context.sni else { return body(nil) }
        return name.withUnsafeBytes { body($0) }
    }
}

extension Method {
    /// In the order of the raw values, `other` left out.
    static let knownNames: [StaticString] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
    ]
}
