// swift-tools-version: 6.2
import PackageDescription

// Its own package, so that the benchmark is no product of Sluice. The sources are linked in, not depended on: `package`
// declarations are seen only inside one package.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release)),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")

let package = Package(
    name: "routing-bench",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CRE2", linkerSettings: [.linkedLibrary(":libre2.a"), .linkedLibrary("stdc++")]),
        .target(name: "SluiceCore", dependencies: [nioCore, atomics, collections, "CRE2"], swiftSettings: settings),
        .target(
            name: "SluiceConfig",
            dependencies: ["SluiceCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings
        ),
        .target(name: "SluiceRouting", dependencies: ["SluiceCore", "SluiceConfig"], swiftSettings: settings),
        .executableTarget(name: "RoutingBench", dependencies: ["SluiceRouting", nioCore], swiftSettings: settings),
    ]
)
