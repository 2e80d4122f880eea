package import SluiceConfig
package import SluiceCore

/// What a sticky choice is computed from, ready to be looked for in a request.
///
/// Compiled for each loop: names are bytes, and what a cookie says besides its value is put together once.
package enum StickyKey {
    case source
    case path
    case header(FieldKey)
    /// The name as it stands in the query.
    case query([UInt8])
    case cookie(StickyCookie)

    package init(_ model: HashKey) {
        switch model {
        case .source: self = .source
        case .path: self = .path
        case .header(let name): self = .header(FieldKey(name))
        case .query(let name): self = .query(Array(name.utf8))
        case .cookie(let name, let ttl, let path): self = .cookie(StickyCookie(name: name, ttl: ttl, path: path))
        }
    }
}
