// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6 mode, imports say what they leak, `any` is written out.
///
/// `-enforce-exclusivity=unchecked` drops the run-time overlap checks from release builds only: debug builds, which
/// all tests run, keep them. Measured in docs/benchmarks.md.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release)),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")

let package = Package(
    name: "sluice",
    products: [.executable(name: "sluice", targets: ["sluice"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CRE2", linkerSettings: [.linkedLibrary(":libre2.a"), .linkedLibrary("stdc++")]),
        .target(name: "CCares", linkerSettings: [.linkedLibrary(":libcares.a")]),
        .target(name: "SluiceCore", dependencies: [nioCore, atomics, collections, "CRE2"], swiftSettings: settings),
        .target(
            name: "SluiceConfig",
            dependencies: ["SluiceCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings
        ),
        .target(name: "SluiceRouting", dependencies: ["SluiceCore", "SluiceConfig"], swiftSettings: settings),
        .target(name: "SluiceHTTP", dependencies: ["SluiceCore", nioCore], swiftSettings: settings),
        .target(
            name: "SluiceUpstream",
            dependencies: ["SluiceCore", "SluiceConfig", "SluiceHTTP", "CCares", nioCore, nioPosix, atomics],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceFilters",
            dependencies: ["SluiceCore", "SluiceConfig", "SluiceHTTP", "SluiceUpstream"],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceProxy",
            dependencies: [
                "SluiceCore", "SluiceConfig", "SluiceRouting", "SluiceHTTP", "SluiceUpstream", "SluiceFilters",
                nioCore, nioPosix, atomics,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceControl",
            dependencies: [
                "SluiceCore", "SluiceConfig", "SluiceRouting", "SluiceHTTP", "SluiceUpstream", "SluiceFilters",
                "SluiceProxy", nioCore, nioPosix, atomics,
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "sluice",
            dependencies: ["SluiceControl", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings
        ),
        .target(
            name: "SluiceTesting",
            dependencies: ["SluiceCore", "SluiceConfig", "SluiceProxy", "SluiceControl", nioCore, nioPosix],
            swiftSettings: settings
        ),
    ]
)
