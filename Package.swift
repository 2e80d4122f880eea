// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6 mode, imports say what they leak, `any` is written out.
///
/// The Makefile adds what concerns release builds of everything, dependencies included.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")

let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")

/// What tests of the whole engine use.
let engine: [Target.Dependency] = [
    "SluiceCore", "SluiceConfig", "SluiceRouting", "SluiceSockets", "SluiceTLS", "SluiceHTTP", "SluiceUpstream",
    "SluiceFilters", "SluiceProxy", nioCore, nioPosix, nioEmbedded, atomics,
]

let package = Package(
    name: "sluice",
    products: [.executable(name: "sluice", targets: ["sluice"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // Not beyond the next minor version: SluiceTLS calls its BoringSSL, whose names are no promise.
        .package(url: "https://github.com/apple/swift-nio-ssl", .upToNextMinor(from: "2.37.6")),
        .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // Without its traits it needs FoundationEssentials only, not all of Foundation.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CRE2", linkerSettings: [.linkedLibrary(":libre2.a"), .linkedLibrary("stdc++")]),
        .target(name: "CNGHTTP2", linkerSettings: [.linkedLibrary(":libnghttp2.a")]),
        .target(name: "CCares", linkerSettings: [.linkedLibrary(":libcares.a")]),
        .target(name: "SluiceCore", dependencies: [nioCore, crypto, "CRE2", "CPlatform"], swiftSettings: settings),
        .target(
            name: "SluiceConfig",
            dependencies: ["SluiceCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings
        ),
        .target(name: "SluiceRouting", dependencies: ["SluiceCore", "SluiceConfig"], swiftSettings: settings),
        // Of swift-nio-ssl only BoringSSL.
        .target(name: "SluiceTLS", dependencies: ["SluiceCore", nioCore, nioSSL], swiftSettings: settings),
        .target(name: "SluiceSockets", dependencies: ["SluiceCore", "CPlatform", nioCore], swiftSettings: settings),
        .target(
            name: "SluiceHTTP",
            dependencies: ["SluiceCore", "SluiceSockets", "SluiceTLS", "CNGHTTP2", nioCore],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceUpstream",
            dependencies: [
                "SluiceCore", "SluiceConfig", "SluiceSockets", "SluiceTLS", "SluiceHTTP", "CCares", nioCore, atomics,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceFilters",
            dependencies: [
                "SluiceCore", "SluiceConfig", "SluiceTLS", "SluiceHTTP", "SluiceUpstream", "SluiceTranscoding", nioCore,
                atomics, crypto, cryptoExtras,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceTranscoding",
            dependencies: ["SluiceCore", nioCore, protobuf],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceProxy",
            dependencies: [
                "SluiceCore", "SluiceConfig", "SluiceRouting", "SluiceSockets", "SluiceTLS", "SluiceHTTP",
                "SluiceUpstream", "SluiceFilters", nioCore, atomics,
            ],
            swiftSettings: settings
        ),
        .target(name: "CPlatform"),
        .target(
            name: "SluiceControl",
            dependencies: [
                "SluiceCore", "SluiceConfig", "SluiceRouting", "SluiceSockets", "SluiceTLS", "SluiceHTTP",
                "SluiceUpstream", "SluiceFilters", "SluiceProxy", "CPlatform", nioCore, nioPosix, nioSSL, atomics,
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "sluice",
            dependencies: ["SluiceControl", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings
        ),
        .target(name: "SluiceTesting", dependencies: engine, swiftSettings: settings),
        tests("SluiceCoreTests", ["SluiceCore", nioCore, nioEmbedded]),
        tests("SluiceConfigTests", ["SluiceConfig", "SluiceCore", nioCore]),
        tests("SluiceRoutingTests", ["SluiceRouting", "SluiceConfig", "SluiceCore", nioCore]),
        tests("SluiceTLSTests", ["SluiceTLS", "SluiceCore", nioCore]),
        tests("SluiceSocketsTests", ["SluiceSockets", "SluiceCore", nioCore]),
        tests("SluiceHTTPTests", ["SluiceHTTP", "SluiceCore", nioCore, nioHTTP1, nioEmbedded]),
        tests(
            "SluiceUpstreamTests",
            [
                "SluiceUpstream", "SluiceHTTP", "SluiceSockets", "SluiceConfig", "SluiceCore", nioCore, nioPosix,
                nioEmbedded, atomics,
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ]
        ),
        tests(
            "SluiceFiltersTests",
            [
                "SluiceFilters", "SluiceUpstream", "SluiceHTTP", "SluiceSockets", "SluiceTLS", "SluiceConfig",
                "SluiceCore", nioCore, nioEmbedded, crypto, cryptoExtras,
            ]
        ),
        tests("SluiceTranscodingTests", ["SluiceTranscoding", "SluiceCore", nioCore, protobuf]),
        tests("SluiceProxyTests", engine + ["SluiceTesting"]),
        tests("SluiceControlTests", engine + ["SluiceControl", "SluiceTesting", nioSSL]),
        tests("Conformance", ["SluiceHTTP", "SluiceCore", nioCore]),
        tests("Adversarial", engine + ["SluiceTesting"]),
        tests("Integration", engine + ["SluiceTesting"]),
    ]
)

/// A folder of `Tests` as a target of its own.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}
