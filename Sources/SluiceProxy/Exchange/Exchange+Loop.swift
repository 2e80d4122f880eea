import SluiceCore
import SluiceFilters

/// Requests that come back: a route may lead to a listener of this very gateway, and from there to itself.
///
/// A connection to an upstream that ends at a listener of this gateway is known as such (`OwnAddresses`), and only requests
/// on such connections carry a field that counts how often they came through. It is read and taken out ahead of everything
/// else, so that no upstream sees it and a client that writes it harms nobody but itself. What leads back by way of another
/// proxy is not recognised; timeouts end that.
extension Exchange {
    /// As often may a request come back; a few routes behind one another are somebody's design.
    static let passLimit: UInt8 = 5

    /// Whether the request has come back too often.
    @inline(__always)
    var isLoop: Bool { passes > Self.passLimit }

    /// Takes the count out of the request.
    func readPasses() {
        guard let range = request.fields.value(of: .sluicePasses) else { return }
        // One digit is all that is ever written.
        passes = request.fields.withBytes(range) { text in
            text.count == 1 && ASCII.isDigit(text[0]) ? text[0] &- 0x30 : 0
        }
        request.fields.remove(.sluicePasses)
    }

    /// The count for an upstream that is this gateway.
    func writePasses(to writer: inout HeadWriter) {
        writer.write("Sluice-Passes: ")
        writer.write(0x31 &+ min(passes, Self.passLimit))
        writer.write("\r\n")
    }
}
