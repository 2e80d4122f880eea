import SluiceConfig

extension RequestIDConfiguration {
    /// Which header it sets, and which id goes in.
    package var effects: [String] {
        let id = trust ? "the client's id, or a new one" : "a new id"
        return ["request: set \(header) to \(id)"] + (echo ? ["response: set \(header) to the same"] : [])
    }
}
