/// Calls `body` with an object that somebody else keeps alive for as long as that takes, without counting a reference.
///
/// Reading an object out of a variable counts a reference for as long as it is used, since the variable might change
/// meanwhile. Each count is an atomic operation; over a request they add up to a good part of what it costs. Write the
/// variable itself as the argument: a local constant for it would be counted again. Reading a `let` of `self` costs
/// nothing and needs none of this.
///
/// Where `body` does more than read, a comment says who keeps the object.
@inlinable @inline(__always)
public func unretained<Object: AnyObject, Result>(
    _ object: @autoclosure () -> Object,
    _ body: (Object) -> Result
) -> Result {
    // SAFETY: whoever calls it answers for the object's life.
    Unmanaged.passUnretained(object())._withUnsafeGuaranteedRef(body)
}

/// As the other one; nil where there is no object.
@inlinable @inline(__always) @discardableResult
public func unretained<Object: AnyObject, Result>(
    _ object: @autoclosure () -> Object?,
    _ body: (Object) -> Result
) -> Result? {
    // SAFETY: as above.
    object().map { Unmanaged.passUnretained($0) }?._withUnsafeGuaranteedRef(body)
}
