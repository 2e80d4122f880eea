/// A value, or the beginning of one. The bytes are valid during the call only.
enum JSONToken {
    case objectStart
    case arrayStart
    /// A string, its escapes resolved, valid UTF-8.
    case string(UnsafeRawBufferPointer)
    /// A number as it was written; whether it is one is for `DecimalNumber` to say.
    case number(UnsafeRawBufferPointer)
    case bool(Bool)
    case null
    /// A value out of a URL, which has no types: read as whatever its field is.
    case urlText(UnsafeRawBufferPointer)
}

/// What the receiver wants of an object or array that it was told the beginning of.
enum JSONDescent {
    /// All that is inside, and then the end.
    case enter
    /// Nothing more of it.
    case skip
    /// All of it as text, once it is there: `captured`.
    case capture
}

/// Receives what a JSON text consists of, in its order. Offsets count from the start of the whole text.
protocol JSONSink {
    /// Bytes that it keeps of what it was told; they count against the same limit as the token under way.
    var held: Int { get }
    /// The name of a member, escapes resolved.
    mutating func key(_ name: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError)
    /// The value of the member, the next element of the array, or the text's own; what is returned counts for objects
    /// and arrays.
    mutating func value(_ token: JSONToken, at offset: Int) throws(TranscodingError) -> JSONDescent
    /// The end of an object or array that was entered.
    mutating func end(at offset: Int) throws(TranscodingError)
    /// The text of an object or array that was to be captured. Its grammar was checked, its numbers were not.
    mutating func captured(_ text: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError)
}

extension JSONSink {
    var held: Int { 0 }
}
