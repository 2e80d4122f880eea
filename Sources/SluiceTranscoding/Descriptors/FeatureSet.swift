import SwiftProtobuf

/// What a file's syntax or edition means for its fields, as far as translation cares
/// (google/protobuf/descriptor.proto, `FeatureSet`).
///
/// Files set them, and whatever is inside inherits what it does not set itself.
struct FeatureSet {
    var hasExplicitPresence: Bool
    var isPacked: Bool
    var hasClosedEnums: Bool
    var hasDelimitedMessages = false

    /// Those of a file: proto2, proto3 or an edition, and what the file's options change.
    init(file: Google_Protobuf_FileDescriptorProto) {
        let isProto3 = file.syntax == "proto3"
        let isEdition = file.syntax == "editions"
        hasExplicitPresence = !isProto3
        isPacked = isProto3 || isEdition
        hasClosedEnums = !isProto3 && !isEdition
        if file.options.hasFeatures { apply(file.options.features) }
    }

    /// With what an inner declaration sets.
    func with(_ features: Google_Protobuf_FeatureSet, if isSet: Bool) -> FeatureSet {
        guard isSet else { return self }
        var changed = self
        changed.apply(features)
        return changed
    }

    private mutating func apply(_ features: Google_Protobuf_FeatureSet) {
        switch features.fieldPresence {
        case .explicit, .legacyRequired: hasExplicitPresence = true
        case .implicit: hasExplicitPresence = false
        default: break
        }
        switch features.repeatedFieldEncoding {
        case .packed: isPacked = true
        case .expanded: isPacked = false
        default: break
        }
        switch features.enumType {
        case .closed: hasClosedEnums = true
        case .open: hasClosedEnums = false
        default: break
        }
        switch features.messageEncoding {
        case .delimited: hasDelimitedMessages = true
        case .lengthPrefixed: hasDelimitedMessages = false
        default: break
        }
    }
}
