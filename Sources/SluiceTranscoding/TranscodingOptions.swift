package import SluiceCore

/// How requests and responses are translated; the same for all calls of one configuration.
package struct TranscodingOptions: Sendable {
    /// What becomes of what the message has no field for.
    package enum Unknown: String, CaseIterable, Sendable {
        case refuse
        case ignore
    }

    /// What happens when the URL and the body set one field to different values.
    package enum Conflict: String, CaseIterable, Sendable {
        case refuse
        /// The URL, by which routes and policies decided, counts.
        case url
        /// The body counts, as with Envoy.
        case body
    }

    /// What an object means that has one name twice.
    package enum Duplicates: String, CaseIterable, Sendable {
        case refuse
        /// What protobuf makes of a field that is there twice: the last scalar counts, lists are joined, messages merged.
        case merge
    }

    /// Which escapes stay as they are in a variable of several segments (`{name=**}`); with one segment none does.
    package enum SegmentDecoding: String, CaseIterable, Sendable {
        /// `%2F`, as google.api.http says.
        case allButSlash = "all_but_slash"
        /// Those of all characters that RFC 6570 reserves, as Envoy does by default.
        case allButReserved = "all_but_reserved"
        case all
    }

    /// What an `Any` becomes whose type nobody knows.
    package enum UnresolvedAny: String, CaseIterable, Sendable {
        case refuse
        /// `{"@type": ..., "value": "base64"}`; only when printing.
        case base64
    }

    /// Members of request bodies that the message does not have.
    package var unknownFields = Unknown.refuse
    /// Query parameters that the message does not have, or that the body stands for.
    package var unknownQuery = Unknown.refuse
    /// Query parameters that are nobody's business here, by their whole name.
    package var ignoredQuery: [String] = []
    package var conflicts = Conflict.refuse
    package var duplicates = Duplicates.refuse
    package var segmentDecoding = SegmentDecoding.allButSlash
    /// Whether `+` in a query is a space, as forms and browsers write it.
    package var plusIsSpace = true
    /// Whether enum values may be written in any case.
    package var caseInsensitiveEnums = false
    package var unresolvedAny = UnresolvedAny.refuse
    package var print = PrintOptions()
    package var limits = TranscodingLimits()
    /// The secret of the table that finds names given twice.
    package var secret: SipKey

    /// The defaults. The secret must be one that no peer can guess.
    package init(secret: SipKey) { self.secret = secret }
}

/// What a message may take, in either direction.
package struct TranscodingLimits: Sendable {
    /// Bytes of one message in protobuf, gRPC's own default. What is held of a request's text beside it counts too, see
    /// `held`; the text of a response may have eight times as many.
    package var message = 4 << 20
    /// Messages inside each other; protobuf's own default. No more than 128.
    package var depth = 100
    /// Query parameters of one request.
    package var queryParameters = 512

    package init() {}

    /// Bytes of a message so far and of the token that the JSON text was cut within, its escapes resolved: base64 is a third
    /// longer than what it means, and a name or a date may stand for a byte.
    var held: Int { message > Int.max / 4 ? Int.max : message / 3 * 4 + 1024 }

    /// Bytes of one captured value of a JSON text, the `Any` whose type is not known yet: names make it longer than what it
    /// means.
    var capture: Int { message > Int.max / 4 ? Int.max : message * 4 }

    /// Bytes of the text that is printed at a time: a byte of a message may be a long name, or many defaults.
    var text: Int { message > Int.max / 8 ? Int.max : message * 8 }
}

/// How messages are printed: the options of Envoy's transcoder and of protobuf's own printers.
package struct PrintOptions: Equatable, Sendable {
    /// Line breaks and indentation by one space.
    package var addWhitespace = false
    /// Print fields that cannot tell unset from default, too: scalars of proto3, empty lists and maps.
    package var alwaysPrintPrimitiveFields = false
    package var alwaysPrintEnumsAsInts = false
    /// Names as in the file instead of lowerCamelCase.
    package var preserveProtoFieldNames = false

    package init() {}
}
