import NIOCore

/// Names and numbers of OTLP, and the messages around the spans.
///
/// Source: opentelemetry-proto, `trace/v1/trace.proto`, `common/v1/common.proto`,
/// `collector/trace/v1/trace_service.proto`.
enum OTLP {
    enum Kind: UInt64 {
        case server = 2
        case client = 3
    }

    enum Field {
        static let resourceSpans: UInt32 = 1
        static let resource: UInt32 = 1
        static let scopeSpans: UInt32 = 2
        static let scope: UInt32 = 1
        static let spans: UInt32 = 2

        static let traceID: UInt32 = 1
        static let spanID: UInt32 = 2
        static let traceState: UInt32 = 3
        static let parentSpanID: UInt32 = 4
        static let name: UInt32 = 5
        static let kind: UInt32 = 6
        static let start: UInt32 = 7
        static let end: UInt32 = 8
        static let attributes: UInt32 = 9
        static let links: UInt32 = 13
        static let status: UInt32 = 15
        static let flags: UInt32 = 16

        static let linkFlags: UInt32 = 6
        static let statusCode: UInt32 = 3

        static let key: UInt32 = 1
        static let value: UInt32 = 2
        static let stringValue: UInt32 = 1
        static let intValue: UInt32 = 3
    }

    /// Of the enum `Status.StatusCode`.
    static let statusError: UInt64 = 2
    /// In `flags`, behind those of the trace: it is known whether the parent is another process's, and it is.
    static let parentIsRemote: UInt32 = 0x300
    static let parentIsLocal: UInt32 = 0x100

    /// Everything of a request that is not spans: what comes before them but for the lengths.
    struct Envelope: Sendable {
        /// The fields `resource` of ResourceSpans and `scope` of ScopeSpans, with tags and lengths.
        private let resource: ByteBuffer
        private let scope: ByteBuffer

        /// - Parameters:
        ///   - attributes: of the resource, `service.name` among them.
        ///   - scopeName: of the instrumentation, which is this program.
        init(attributes: [(name: String, value: String)], scopeName: String) {
            var list = ProtobufWriter()
            for attribute in attributes {
                list.attribute(1, key: Array(attribute.name.utf8), Array(attribute.value.utf8))
            }
            var resource = ProtobufWriter()
            resource.write(Field.resource, message: list.bytes)
            var name = ProtobufWriter()
            name.write(1, scopeName.utf8)
            var scope = ProtobufWriter()
            scope.write(Field.scope, message: name.bytes)
            self.resource = resource.bytes
            self.scope = scope.bytes
        }

        /// The body of a request with these spans, each a field `spans` with tag and length.
        func request(_ spans: [ByteBuffer]) -> [UInt8] {
            let size = spans.reduce(0) { $0 + $1.readableBytes }
            let scopeSpans = scope.readableBytes + size
            let resourceSpans = resource.readableBytes + 1 + ProtobufWriter.size(UInt64(scopeSpans)) + scopeSpans
            var out = ProtobufWriter()
            out.bytes.reserveCapacity(resourceSpans + 16)
            out.writeTag(Field.resourceSpans, wireType: 2)
            out.writeVarint(UInt64(resourceSpans))
            out.bytes.writeImmutableBuffer(resource)
            out.writeTag(Field.scopeSpans, wireType: 2)
            out.writeVarint(UInt64(scopeSpans))
            out.bytes.writeImmutableBuffer(scope)
            for piece in spans { out.bytes.writeImmutableBuffer(piece) }
            return Array(buffer: out.bytes)
        }
    }
}

extension ProtobufWriter {
    /// A `KeyValue` with a text, which is made UTF-8 where it is not.
    mutating func attribute(_ field: UInt32, _ key: StaticString, _ value: [UInt8]) {
        key.withUTF8Buffer { attribute(field, key: $0, value) }
    }

    /// A `KeyValue` with a number.
    mutating func attribute(_ field: UInt32, _ key: StaticString, _ value: UInt64) {
        // The value is written out also when it is 0: without it there would be none.
        let valueSize = 1 + Self.size(value)
        key.withUTF8Buffer { writeKey(field, $0, valueSize: valueSize) }
        writeTag(OTLP.Field.intValue, wireType: 0)
        writeVarint(value)
    }

    fileprivate mutating func attribute(_ field: UInt32, key: some Collection<UInt8>, _ value: [UInt8]) {
        let text = value.allSatisfy { $0 < 0x80 } ? value : Array(String(decoding: value, as: UTF8.self).utf8)
        writeKey(field, key, valueSize: 1 + Self.size(UInt64(text.count)) + text.count)
        write(OTLP.Field.stringValue, text)
    }

    /// Tag and length of a `KeyValue`, its key, and tag and length of its value.
    private mutating func writeKey(_ field: UInt32, _ key: some Collection<UInt8>, valueSize: Int) {
        let keySize = 1 + Self.size(UInt64(key.count)) + key.count
        writeTag(field, wireType: 2)
        writeVarint(UInt64(keySize + 1 + Self.size(UInt64(valueSize)) + valueSize))
        write(OTLP.Field.key, key)
        writeTag(OTLP.Field.value, wireType: 2)
        writeVarint(UInt64(valueSize))
    }
}
