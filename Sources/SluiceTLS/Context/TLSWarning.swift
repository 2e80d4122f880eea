/// Something odd in settings that were taken all the same.
package struct TLSWarning: Sendable, Equatable {
    package let item: TLSSettingsError.Item
    /// One sentence without a full stop.
    package let message: String

    package init(item: TLSSettingsError.Item, message: String) {
        self.item = item
        self.message = message
    }
}
