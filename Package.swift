// swift-tools-version: 6.3

import PackageDescription

// Arrows only point down: a target names the targets below it and never one beside it.
// docs/contributor.md draws the picture.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let strictC: [CSetting] = [
  .treatAllWarnings(as: .error)
]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "slipway",
  products: [
    .executable(name: "slipway", targets: ["slipway"]),
    .executable(name: "slipway-node", targets: ["slipway-node"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
  ],
  targets: [
    // Executables: one file each.
    .executableTarget(
      name: "slipway",
      dependencies: [
        "Commands", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict,
      linkerSettings: [
        .unsafeFlags(["-Xclang-linker", "-no-pie"], .when(configuration: .release))
      ]),
    .executableTarget(
      name: "slipway-node",
      dependencies: [
        "CLinux", "Configuration", "Environment", "Files", "Host", "Images", "Injection", "Launch",
        "Modules", "Sandbox", "Stack",
      ],
      swiftSettings: strict,
      // Static to the last library: it starts in two thirds of the time, and on nodes whose C
      // library is older than that of the machine that built it.
      linkerSettings: [
        .unsafeFlags(["-static-executable"], .when(configuration: .release))
      ]),

    // The rooms, top to bottom.
    .target(
      name: "Commands",
      dependencies: [
        "CDI", "CLinux", "Configuration", "Digests", "ELF", "Environment", "Files", "Host",
        "Images", "Injection", "Launch", "Microarchitecture", "Modules", "OCI", "Sandbox", "Stack",
        "Store", "Topology", "Transfer", "Workers",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        system,
      ],
      swiftSettings: strict),
    .target(
      name: "Launch",
      dependencies: [
        "Configuration", "Environment", "Files", "Host", "Images", "Injection", "Microarchitecture",
        "Modules", "Sandbox", "Stack",
      ],
      swiftSettings: strict),
    .target(
      name: "Modules",
      dependencies: ["CLinux", "Environment", "Files", "Host", "Microarchitecture", "Stack"],
      swiftSettings: strict),
    .target(
      name: "Sandbox", dependencies: ["CLinux", "Environment", "Files"], swiftSettings: strict),
    .target(
      name: "Stack", dependencies: ["Environment", "Microarchitecture"], swiftSettings: strict),
    .target(
      name: "Host", dependencies: ["CLinux", "Files", "Microarchitecture", system],
      swiftSettings: strict),
    .target(
      name: "Topology", dependencies: ["CHwloc", "CLinux", "Microarchitecture"],
      swiftSettings: strict),
    .target(name: "Configuration", dependencies: ["TOML"], swiftSettings: strict),
    .target(
      name: "Injection",
      dependencies: [
        "CLinux", "ELF", "Environment", "Files", "Host", "Images", "Microarchitecture", "TOML",
        system,
      ],
      swiftSettings: strict),
    // Apart from Injection, which the helper on the hot path has: a YAML reader is none of its needs.
    .target(name: "CDI", dependencies: ["CYAML", "ELF", "Injection"], swiftSettings: strict),
    // Container images: what is fetched, where it is kept, what becomes of it.
    .target(
      name: "OCI",
      dependencies: [
        "CLinux", "Digests", "Files", "Hashing", "Images", "Layers", "Store", "TOML", "Transfer",
      ],
      swiftSettings: strict),
    .target(
      name: "Layers",
      dependencies: [
        "CLinux", "CZlib", "CZstd", "Digests", "Files", "Hashing", "Workers",
      ],
      swiftSettings: strict),
    .target(
      name: "Store", dependencies: ["CSQLite", "Digests", "Files", "Hashing"], swiftSettings: strict
    ),
    .target(name: "Transfer", dependencies: ["CCurl"], swiftSettings: strict),
    // Apart from OCI: the helper on the hot path looks images up and fetches none.
    .target(
      name: "Images", dependencies: ["Digests", "Files", "Microarchitecture"], swiftSettings: strict
    ),
    .target(name: "Hashing", dependencies: ["CCrypto", "Digests"], swiftSettings: strict),
    .target(name: "Digests", swiftSettings: strict),
    .target(name: "Files", swiftSettings: strict),
    .target(name: "Workers", swiftSettings: strict),
    .target(name: "ELF", swiftSettings: strict),
    .target(name: "TOML", swiftSettings: strict),
    .target(name: "Microarchitecture", swiftSettings: strict),
    .target(name: "Environment", swiftSettings: strict),

    // C: the few system calls that Swift cannot make, and the system's libhwloc.
    .target(name: "CLinux", cSettings: strictC + [.define("_GNU_SOURCE")]),
    .systemLibrary(
      name: "CHwloc", pkgConfig: "hwloc",
      providers: [.apt(["libhwloc-dev"]), .yum(["hwloc-devel"])]),
    // Loaded with dlopen(3) at their first use: no command that needs none of them waits for them.
    .target(name: "CCurl", dependencies: ["CLoad"], cSettings: strictC),
    .target(name: "CCrypto", dependencies: ["CLoad"], cSettings: strictC),
    .target(name: "CSQLite", dependencies: ["CLoad"], cSettings: strictC),
    .target(name: "CYAML", dependencies: ["CLoad"], cSettings: strictC),
    .target(name: "CZlib", dependencies: ["CLoad"], cSettings: strictC),
    .target(name: "CZstd", dependencies: ["CLoad"], cSettings: strictC),
    .target(name: "CLoad", cSettings: strictC, linkerSettings: [.linkedLibrary("dl")]),

    // The parts of the SPANK plugin that do not need Slurm's header, so that Swift tests can
    // call them. The plugin itself is compiled by spank/Makefile, once per Slurm release.
    .target(
      name: "CSpank", path: "spank",
      exclude: [
        "Makefile", "dispatch.c", "image.c", "join.c", "local.c", "options.c", "plugin.h",
        "probe.c", "rank.c",
        "remote.c", "slipway.lds",
      ],
      sources: ["words.c", "reply.c", "judge.c"], publicHeadersPath: "include", cSettings: strictC),

    // Tests.
    .target(
      name: "TestSupport", dependencies: ["Host", "Microarchitecture", "Stack"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "MicroarchitectureTests", dependencies: ["Microarchitecture", "Host", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "EnvironmentTests", dependencies: ["Environment", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "HostTests",
      dependencies: ["Host", "Microarchitecture", "TestSupport", "Topology"],
      resources: [.copy("Machines")], swiftSettings: strict),
    .testTarget(
      name: "StackTests",
      dependencies: ["Environment", "Host", "Microarchitecture", "Stack", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "LaunchTests",
      dependencies: [
        "Configuration", "ELF", "Environment", "Host", "Images", "Injection", "Launch",
        "Microarchitecture", "Sandbox", "Stack", "TestSupport", system,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ModulesTests",
      dependencies: [
        "Environment", "Host", "Launch", "Microarchitecture", "Modules", "Stack", "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(name: "TOMLTests", dependencies: ["TestSupport", "TOML"], swiftSettings: strict),
    .testTarget(
      name: "ELFTests", dependencies: ["CLinux", "ELF", "Injection", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "InjectionTests",
      dependencies: [
        "CDI", "ELF", "Environment", "Host", "Injection", "Microarchitecture", "TestSupport",
        "tree-writer", system,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "tree-writer", dependencies: ["Injection"], path: "Tests/TreeWriter",
      swiftSettings: strict),
    .testTarget(
      name: "FilesTests", dependencies: ["CLinux", "Files", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "DigestsTests", dependencies: ["CLoad", "Digests", "Hashing", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "TransferTests", dependencies: ["TestSupport", "Transfer"], exclude: ["server.py"],
      swiftSettings: strict),
    .testTarget(
      name: "StoreTests",
      dependencies: ["Digests", "Hashing", "Store", "TestSupport", "store-writer"],
      swiftSettings: strict),
    .executableTarget(
      name: "store-writer", dependencies: ["Digests", "Hashing", "Store"],
      path: "Tests/StoreWriter", swiftSettings: strict),
    .testTarget(
      name: "LayersTests",
      dependencies: ["Digests", "Hashing", "Layers", "TestSupport", "layer-writer"],
      swiftSettings: strict),
    .executableTarget(
      name: "layer-writer", dependencies: ["Digests", "Layers"], path: "Tests/LayerWriter",
      swiftSettings: strict),
    .testTarget(
      name: "ImagesTests", dependencies: ["Digests", "Images", "Microarchitecture", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "OCITests",
      dependencies: [
        "Digests", "Hashing", "Images", "Layers", "OCI", "Store", "TestSupport", "Transfer",
      ],
      exclude: ["servers.py"],
      swiftSettings: strict),
    .testTarget(
      name: "SandboxTests", dependencies: ["Environment", "Sandbox", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "SpankTests", dependencies: ["CSpank", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "CommandTests", dependencies: ["TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ModulefileTests", dependencies: ["Environment", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "LabTests", dependencies: ["TestSupport"], swiftSettings: strict),
  ]
)
