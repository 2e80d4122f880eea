/// DER written by hand, for what no library would write.
enum DER {
    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8]
        switch content.count {
        case ..<0x80: length = [UInt8(content.count)]
        case ..<0x100: length = [0x81, UInt8(content.count)]
        default: length = [0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)]
        }
        return [tag] + length + content
    }

    static func sequence(_ parts: [UInt8]...) -> [UInt8] { element(0x30, parts.flatMap { $0 }) }

    static func time(_ secondsSince1970: Int64) -> [UInt8] {
        var seconds = Int(secondsSince1970)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: count - text.count) + text
        }
        let text =
            digits(parts.tm_year + 1900, 4) + digits(parts.tm_mon + 1, 2) + digits(parts.tm_mday, 2)
            + digits(parts.tm_hour, 2) + digits(parts.tm_min, 2) + digits(parts.tm_sec, 2) + "Z"
        return element(0x18, Array(text.utf8))
    }

    /// A successful OCSP response with one answer; it is not signed.
    static func ocspResponse(serial: [UInt8], status: UInt8 = 0x80, thisUpdate: Int64, nextUpdate: Int64?) -> [UInt8] {
        let algorithm = sequence(element(0x06, [0x2B, 0x0E, 0x03, 0x02, 0x1A]))
        let certificate = sequence(
            algorithm,
            element(0x04, [UInt8](repeating: 1, count: 20)),
            element(0x04, [UInt8](repeating: 2, count: 20)),
            element(0x02, serial)
        )
        let verdict = status == 0xA1 ? element(status, time(thisUpdate)) : element(status, [])
        let end = nextUpdate.map { element(0xA0, time($0)) } ?? []
        let answer = sequence(certificate, verdict, time(thisUpdate), end)
        let responder = element(0xA2, element(0x04, [UInt8](repeating: 3, count: 20)))
        let data = sequence(responder, time(thisUpdate), sequence(answer))
        let basic = sequence(data, algorithm, element(0x03, [0, 1, 2, 3]))
        let type = element(0x06, [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01])
        return sequence(element(0x0A, [0]), element(0xA0, sequence(type, element(0x04, basic))))
    }
}

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif
