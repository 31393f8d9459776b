// The elastic net of Grazzi, Pontil & Salzo, ICML 2024 (nonsmooth implicit differentiation): its hypergradient, and the
// errors of unrolled and fixed-point differentiation after as many steps as published.

import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct ElasticNetTests {
    private static let document = """
        {"problem": {
          "data": {
            "X": {"dataset": "train"}, "t": {"dataset": "train"}, "V": {"dataset": "val"}, "s": {"dataset": "val"}},
          "levels": [
            {"variables": {"a": {"start": 0.02}, "b": {"start": 0.002}}, "minimize": "0.5 * mean((V @ w - s)^2)"},
            {"variables": {"w": {"shape": [100]}}, "minimize": "0.5 * mean((X @ w - t)^2)",
             "nonsmooth": {"w": {"elastic_net": {"l1": "a", "l2": "b"}}}}]}}
        """

    /// 100 training and 240 validation rows of 100 features; the README beside the file says where they are from.
    private static func datasets() throws -> [String: Tensor] {
        let url = try #require(
            Bundle.module.url(forResource: "elastic-net", withExtension: "f64", subdirectory: "Fixtures"))
        let numbers = try Data(contentsOf: url).withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) }
        }
        var (rest, result) = (numbers[...], [String: Tensor]())
        for (name, shape) in [("X", [100, 100]), ("t", [100]), ("V", [240, 100]), ("s", [240])] {
            let count = shape.reduce(1, *)
            result[name] = try Tensor(shape: shape, values: Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        try #require(rest.isEmpty)
        return result
    }

    private func begin(_ assignments: [String]) throws -> (found: [Double], exact: [Double]) {
        let admitted = try admit(Self.document, assignments, datasets: Self.datasets())
        let built = try #require(admitted.built, "\(admitted.faults)")
        let method = try #require(admitted.method, "\(admitted.faults)")
        let (run, start) = try #require(
            SolverRun.begin(built.problem, method, limits: RunLimits(iterations: 1), seed: 1, stop: { nil }))
        return (run.state.best.hypergradient, try #require(start.hypergradient))
    }

    /// The step is 2/(L + μ + 2λ₂) for the eigenvalues of XᵀX/n. The published errors hold to a factor of 2, for every
    /// method that takes those steps.
    @Test(arguments: [
        ("itd", 200, 2.5e-2), ("itd", 500, 3.9e-11), ("itd-checkpoints", 200, 2.5e-2),
        ("itd-checkpoints", 500, 3.9e-11),
        ("aid-fixed-point", 200, 1.7e-3), ("aid-fixed-point", 500, 4.4e-12), ("aid-neumann", 200, 1.7e-3),
        ("aid-neumann", 500, 4.4e-12),
    ])
    func errorsAfterSteps(_ name: String, _ steps: Int, _ published: Double) throws {
        let terms = name == "aid-neumann" ? steps - 1 : steps
        let linear =
            name.hasPrefix("itd")
            ? []
            : ["method.linear_solver.steps=\(terms)"]
                + (name == "aid-neumann" ? [] : ["method.linear_solver.warm_start=false"])
        let (found, exact) = try begin(
            [
                "method.name=\(name)", "method.lower_solver.name=gradient-descent",
                "method.lower_solver.step=0.5121161218374328", "method.lower_solver.steps=\(steps)",
            ] + linear)
        #expect(abs(exact[0] - 2.691505) <= 1e-6 && abs(exact[1] - 4.801274) <= 1e-6)
        let error = VectorMath.norm(VectorMath.subtract(found, exact)) / VectorMath.norm(exact)
        #expect(error <= 2 * published && error >= published / 2, "\(error)")
    }

    /// Methods that solve the level and the system on its face have the published hypergradient.
    @Test(arguments: [
        "aid", "aid-cg", "aid-gmres", "aid-minres", "aid-normal-equations", "aid-bicgstab", "aid-direct", "implicit",
    ])
    func solvedOnTheFace(_ name: String) throws {
        let (found, exact) = try begin(["method.name=\(name)"])
        let error = VectorMath.norm(VectorMath.subtract(found, exact)) / VectorMath.norm(exact)
        #expect(error <= 1e-7, "\(error)")
    }
}
