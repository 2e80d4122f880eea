import SluiceCore

/// The text form of `google.protobuf.FieldMask`: paths in lowerCamelCase, joined by commas.
enum FieldMaskText {
    /// Appends the snake_case form of one path; false when it has no such form, as with an underscore in it.
    static func appendSnake(_ path: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
        for byte in path {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                out.append(UInt8(ascii: "_"))
                out.append(byte | 0x20)
            case UInt8(ascii: "_"): return false
            default: out.append(byte)
            }
        }
        return true
    }

    /// Appends the lowerCamelCase form of one path; false when reading it back would give another path.
    static func appendCamel(_ path: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
        var raises = false
        for byte in path {
            if raises {
                guard byte >= UInt8(ascii: "a"), byte <= UInt8(ascii: "z") else { return false }
                out.append(byte & ~0x20)
                raises = false
            } else if byte == UInt8(ascii: "_") {
                raises = true
            } else if byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") {
                return false
            } else {
                out.append(byte)
            }
        }
        return !raises
    }
}
