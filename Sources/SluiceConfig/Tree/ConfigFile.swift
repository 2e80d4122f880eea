/// The bytes of one configuration file and the path that names it in messages.
package struct ConfigFile: Sendable {
    /// As the user gave it; relative `${file:...}` references start from its folder.
    package var path: String
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    package init(path: String, text: String) {
        self.init(path: path, bytes: Array(text.utf8))
    }
}
