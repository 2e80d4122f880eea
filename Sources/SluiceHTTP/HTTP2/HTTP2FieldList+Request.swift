import CNGHTTP2
import SluiceCore

extension HTTP2FieldList {
    /// Fills `vectors` with the fields of a request head, as HTTP/1 writes it; pointers into `text`, as above.
    ///
    /// Read once, from front to back. What was in the list before counts for nothing.
    ///
    /// - Parameters:
    ///   - text: begins with the head; what is behind it is not looked at.
    ///   - scheme: `http` or `https`.
    ///   - protocol: for an Upgrade, what it asks for, such as `websocket`: sent as extended CONNECT (RFC 8441).
    /// - Returns: where the head ends; nil when it is no whole head, or a field is longer than can be sent.
    mutating func gather(
        request text: UnsafeRawBufferPointer,
        scheme: StaticString,
        protocol upgrade: StaticString? = nil
    ) -> Int? {
        guard let line = RequestLine(text) else { return nil }
        vectors.clear()
        leavesOutKey = upgrade != nil
        leavesOutHost = false
        if let upgrade {
            vectors.append(Self.vector(HTTP2PseudoField.method.text, ("CONNECT" as StaticString).bytes))
            vectors.append(Self.vector(HTTP2PseudoField.protocol.text, upgrade.bytes))
        } else {
            vectors.append(Self.vector(HTTP2PseudoField.method.text, line.method))
        }
        if upgrade == nil, line.method.elementsEqual(("CONNECT" as StaticString).bytes) {
            vectors.append(Self.vector(HTTP2PseudoField.authority.text, line.target))
            leavesOutHost = true
            return addFields(text, from: line.next, authority: nil)
        }
        vectors.append(Self.vector(HTTP2PseudoField.scheme.text, scheme.bytes))
        // Known when `Host` has come.
        let authority = vectors.count
        vectors.append(Self.vector(HTTP2PseudoField.authority.text, scheme.bytes))
        vectors.append(Self.vector(HTTP2PseudoField.path.text, line.target))
        guard let end = addFields(text, from: line.next, authority: authority) else { return nil }
        if !leavesOutHost { vectors.remove(at: authority) }
        return end
    }

    /// - Parameter authority: the place for what the first `Host` says; nil: there is no use for it.
    /// - Returns: where the head ends.
    private mutating func addFields(_ bytes: UnsafeRawBufferPointer, from start: Int, authority: Int?) -> Int? {
        var authority = authority
        var at = start
        while true {
            switch FieldParser.line(bytes, from: at) {
            case .end(let next): return next
            case .incomplete, .invalid: return nil
            case .field(let name, let value, let next):
                guard name.count <= Self.longest, value.count <= Self.longest else { return nil }
                let text = UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])
                let id = FieldName.intern(text)
                let valueText = UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end])
                if id == .host, let place = authority {
                    authority = nil
                    if value.count > 0 {
                        vectors.replace(at: place, with: Self.vector(HTTP2PseudoField.authority.text, valueText))
                        leavesOutHost = true
                    }
                }
                add(id, text, valueText)
                at = next
            }
        }
    }

    /// `method SP target SP version CRLF`.
    private struct RequestLine {
        let method: UnsafeRawBufferPointer
        let target: UnsafeRawBufferPointer
        /// Where the fields begin.
        let next: Int

        init?(_ text: UnsafeRawBufferPointer) {
            var first = 0
            var last = 0
            var i = 0
            while i < text.count, text[i] != 0x0D {
                if text[i] == 0x20 {
                    if first == 0 { first = i }
                    last = i
                }
                i += 1
            }
            guard i + 1 < text.count, text[i + 1] == 0x0A, first > 0, first + 1 < last else { return nil }
            method = UnsafeRawBufferPointer(rebasing: text[..<first])
            target = UnsafeRawBufferPointer(rebasing: text[(first + 1)..<last])
            next = i + 2
        }
    }
}
