/// File names, as far as a configuration needs them.
package enum Paths {
    /// The folder of a file with its slash at the end, or "" when the path names none.
    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(path[...slash])
    }
}
