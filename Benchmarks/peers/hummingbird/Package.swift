// swift-tools-version: 6.1
// Hummingbird as `make bench-http` measures it: a package of its own, so that nothing of it is built with the service.
import PackageDescription

let package = Package(
    name: "hummingbird-peer",
    dependencies: [.package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0")],
    targets: [
        .executableTarget(
            name: "HummingbirdPeer", dependencies: [.product(name: "Hummingbird", package: "hummingbird")])
    ]
)
