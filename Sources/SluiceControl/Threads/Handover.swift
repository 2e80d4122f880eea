/// Carries an object that is not safe to share from the thread that made it to the one it is for.
// SAFETY: whoever puts a value in here never touches it again; whoever takes it out is the only one that does.
struct Handover<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
