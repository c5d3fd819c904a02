import Foundation
import Testing

/// Every decoder that bytes from outside reach, given broken forms of real inputs: none may trap, and what a decoder
/// accepts must keep its promises (whole or in pieces, there and back, the fast way and the general one).
///
/// The short form runs with the other tests. For the long form, and for more luck, set MESH_FUZZ_SECONDS (for each
/// decoder) and MESH_FUZZ_SEED. What is being tried is kept in `.build/fuzz/`, so that an input that ends the process is
/// there afterwards: put it into `Corpus`, where it is tried first in every run.
@Suite struct FuzzTests {
    static let environment = ProcessInfo.processInfo.environment
    static let seconds = environment["MESH_FUZZ_SECONDS"].flatMap { Double($0) }
    static let seed = environment["MESH_FUZZ_SEED"].flatMap { UInt64($0) } ?? 2026

    @Test(arguments: FuzzTargets.all.map(\.name))
    func aBrokenInputIsRefusedAndNothingElseHappens(_ name: String) throws {
        let target = try #require(FuzzTargets.all.first { $0.name == name })
        let corpus = try Corpus(name)
        let inputs = corpus.inputs + target.seeds
        let trial = try Trial(name)
        for input in inputs { try trial.run(target, input) }
        #expect(target.seeds.contains { (try? target.check($0)) == true }, "a real input is accepted")
        var mutator = Mutator(seed: Self.seed)
        let end = Self.seconds.map { Date(timeIntervalSinceNow: $0) }
        var count = 0
        while end.map({ $0 > Date() }) ?? (count < target.shortRuns) {
            try trial.run(target, mutator.mutate(inputs))
            count += 1
        }
        if Self.seconds != nil { print("\(name): \(count) inputs from seed \(Self.seed)") }
    }

    /// Inputs that once were a problem.
    struct Corpus {
        var inputs: [[UInt8]] = []

        init(_ name: String) throws {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus/\(name)")
            guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return }
            for file in files.sorted() { inputs.append(Array(try Data(contentsOf: folder.appending(path: file)))) }
        }
    }

    /// Keeps the input on disk while it is tried.
    final class Trial {
        private let file: FileHandle

        init(_ name: String) throws {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(path: ".build/fuzz")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let path = folder.appending(path: "\(name).input").path
            _ = FileManager.default.createFile(atPath: path, contents: nil)
            file = try #require(FileHandle(forWritingAtPath: path))
        }

        func run(_ target: FuzzTarget, _ input: [UInt8]) throws {
            try file.seek(toOffset: 0)
            try file.write(contentsOf: input)
            try file.truncate(atOffset: UInt64(input.count))
            do { _ = try target.check(input) } catch let broken as BrokenPromise {
                Issue.record(
                    "\(target.name): \(broken.what): \(String(decoding: input.prefix(400), as: UTF8.self).debugDescription)"
                )
            }
        }
    }
}
