/// CRC32c, the checksum by Castagnoli's polynomial (RFC 3720, appendix B.4): it finds accidents, not forgers.
///
/// Isolation: any. Allocates: its table, once.
package struct CRC32C {
    /// Of all bytes so far.
    package var value: UInt32 { ~state }

    private var state: UInt32 = ~0

    package init() {}

    /// Takes bytes, and after them zeros.
    package mutating func add(_ bytes: UnsafeRawBufferPointer, zeros: Int = 0) {
        state = Self.table.withUnsafeBufferPointer { table in
            var crc = state
            for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8 }
            for _ in 0..<zeros { crc = table[Int(crc & 0xFF)] ^ crc >> 8 }
            return crc
        }
    }

    /// The polynomial, its lowest power first.
    private static let polynomial: UInt32 = 0x82F6_3B78

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
    }
}
