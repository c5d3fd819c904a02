// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target of ours: Swift 6 mode comes from the tools version, the rest is stated here.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// The programs' memory allocator: the broker hands what it makes on one thread to another, which ends it there. The C
/// library's own allocator takes a lock for that; with this one a message costs a tenth less.
let allocator: [LinkerSetting] = [.linkedLibrary("mimalloc", .when(platforms: [.linux]))]

let package = Package(
    name: "mesh",
    products: [
        .library(name: "MeshCore", targets: ["MeshCore"]),
        .library(name: "MeshBroker", targets: ["MeshBroker"]),
        .library(name: "MeshSDK", targets: ["MeshSDK"]),
        .library(name: "MeshSim", targets: ["MeshSim"]),
        .library(name: "MeshSimLive", targets: ["MeshSimLive"]),
        .library(name: "MeshSimProgram", targets: ["MeshSimProgram"]),
        .executable(name: "meshd", targets: ["meshd"]),
        .executable(name: "mesh-cli", targets: ["mesh-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // C layers: NaCl boxes over Crypto++, and the system's SQLite.
        .target(name: "CNaCl", linkerSettings: [.linkedLibrary("cryptopp")]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // Checksums of database pages, below SQLite.
        .target(name: "CMeshPages", dependencies: ["CSQLite"]),

        // Pure values and rules.
        .target(
            name: "MeshCore",
            dependencies: ["CNaCl", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),

        // The broker, in three layers: files, decisions, sockets.
        .target(
            name: "MeshStore", dependencies: ["CMeshPages", "CSQLite"], path: "Sources/MeshBroker/Store",
            swiftSettings: strict),
        .target(
            name: "MeshEngine",
            dependencies: [
                "MeshCore", "MeshStore",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            path: "Sources/MeshBroker/Engine", swiftSettings: strict),
        .target(
            name: "MeshBroker",
            dependencies: [
                "MeshCore", "MeshStore", "MeshEngine",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/MeshBroker", exclude: ["Engine", "Store"], swiftSettings: strict),

        // The client.
        .target(
            name: "MeshSDK",
            dependencies: [
                "MeshCore",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        // Simulations.
        .target(
            name: "MeshSim",
            dependencies: ["MeshCore", "MeshStore", .product(name: "Crypto", package: "swift-crypto")],
            exclude: ["Live", "Program"], swiftSettings: strict),
        .target(
            name: "MeshSimLive",
            dependencies: [
                "MeshCore", "MeshSDK", "MeshSim", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/MeshSim/Live", swiftSettings: strict),
        .target(
            name: "MeshSimProgram",
            dependencies: [
                "MeshCore", "MeshSDK", "MeshSim", "MeshSimLive",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/MeshSim/Program", swiftSettings: strict),
        .target(name: "MeshSimModels", dependencies: ["MeshSim"], swiftSettings: strict),

        // The programs.
        .executableTarget(
            name: "meshd",
            dependencies: [
                "MeshCore", "MeshBroker",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict, linkerSettings: allocator),
        .executableTarget(
            name: "mesh-cli",
            dependencies: [
                "MeshCore", "MeshSDK", "MeshSim",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict, linkerSettings: allocator),

        // Examples that the documentation shows.
        .target(
            name: "RetailStore", dependencies: ["MeshCore", "MeshSim"], path: "Examples/RetailStore/Rules",
            swiftSettings: strict),
        .executableTarget(
            name: "embedded", dependencies: ["MeshCore", "MeshBroker", "MeshSDK"], path: "Examples/Embedded",
            swiftSettings: strict),
        .executableTarget(
            name: "echo-agent",
            dependencies: ["MeshCore", "MeshSDK"], path: "Examples/EchoAgent", swiftSettings: strict),

        .executableTarget(
            name: "mesh-models", dependencies: ["MeshCore", "MeshSim", "MeshSimModels", "MeshSimProgram"],
            path: "Examples/Models", swiftSettings: strict),
        .target(
            name: "Orchard", dependencies: ["MeshCore", "MeshSim"], path: "Examples/Orchard/Rules",
            swiftSettings: strict),
        .executableTarget(
            name: "sim-orchard", dependencies: ["MeshSim", "MeshSimProgram", "Orchard"],
            path: "Examples/Orchard/Program",
            swiftSettings: strict),
        .executableTarget(
            name: "sim-retail", dependencies: ["MeshCore", "MeshSim", "MeshSimProgram", "RetailStore"],
            path: "Examples/RetailStore/Program", swiftSettings: strict),
        .executableTarget(
            name: "sim-template", dependencies: ["MeshSim", "MeshSimProgram"], path: "Examples/SimTemplate",
            swiftSettings: strict),

        // Benchmarks of the hot parts.
        .target(name: "CAllocations", path: "Benchmarks/Micro/CAllocations"),
        .executableTarget(
            name: "micro", dependencies: ["CAllocations", "MeshCore", "MeshEngine", "MeshStore", "MeshTestSupport"],
            path: "Benchmarks/Micro/micro", swiftSettings: strict),
        .executableTarget(
            name: "world-bench", dependencies: ["MeshCore", "MeshSim"], path: "Benchmarks/World", swiftSettings: strict),

        // Simulations under load.
        .executableTarget(
            name: "sim-load",
            dependencies: [
                "MeshCore", "MeshSDK", "MeshSim", "MeshSimLive",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Benchmarks/Sim", swiftSettings: strict, linkerSettings: allocator),

        // Tests.
        .executableTarget(
            name: "ws-echo",
            dependencies: [
                "MeshCore", "MeshBroker",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/Conformance/EchoServer", swiftSettings: strict),
        .executableTarget(
            name: "durable-peer",
            dependencies: ["MeshCore", "MeshSDK", .product(name: "NIOPosix", package: "swift-nio")],
            path: "Tests/Durable/DurablePeer", swiftSettings: strict),
        .target(
            name: "MeshTestSupport",
            dependencies: ["MeshCore", "MeshEngine", "MeshStore", "MeshBroker", "MeshSDK"],
            swiftSettings: strict),
        .testTarget(name: "MeshCoreTests", dependencies: ["MeshCore"], swiftSettings: strict),
        .testTarget(
            name: "MeshSimTests", dependencies: ["MeshCore", "MeshSim", "MeshSimModels", "Orchard"],
            swiftSettings: strict),
        .testTarget(
            name: "MeshSimLiveTests",
            dependencies: [
                "MeshCore", "MeshBroker", "MeshSDK", "MeshSim", "MeshSimLive", "MeshTestSupport", "Orchard",
            ],
            swiftSettings: strict),
        .testTarget(name: "MeshStoreTests", dependencies: ["MeshStore"], swiftSettings: strict),
        .testTarget(
            name: "MeshEngineTests", dependencies: ["MeshCore", "MeshEngine", "MeshStore", "MeshTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "RetailStoreTests", dependencies: ["MeshCore", "MeshSim", "RetailStore"], swiftSettings: strict),
        .testTarget(
            name: "MeshBrokerTests",
            dependencies: [
                "MeshCore", "MeshEngine", "MeshBroker", "MeshSDK", "MeshTestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MeshFuzzTests",
            dependencies: [
                "MeshCore", "MeshEngine", "MeshBroker", "MeshSDK", "MeshTestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["Corpus"], swiftSettings: strict),
        .testTarget(
            name: "MeshSDKTests",
            dependencies: [
                "MeshCore", "MeshBroker", "MeshSDK", "MeshTestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
