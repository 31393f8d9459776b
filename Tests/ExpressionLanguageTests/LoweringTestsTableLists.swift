// What NumPy 2.4 computes where lists stand for arrays, `...` for dimensions, and matrices are read as rows of entries.

extension NumPyCase {
    static let lists: [NumPyCase] = [
        NumPyCase("x + [1, 2, 3]", [3], [1.5, 0.75, 5]),
        NumPyCase("[0.5, s, 2] * x", [3], [0.25, -0.9375, 4]),
        NumPyCase("[[1, 2, 3], x] @ y", [2], [-0.25, -1.0625]),
        NumPyCase("(1, -1, 0) - x", [3], [0.5, 0.25, -2]),
        NumPyCase("where([1, 0, 1], x, y)", [3], [0.5, 0.25, 2]),
        NumPyCase("one_hot([2, 0], 3)", [2, 3], [0, 0, 1, 1, 0, 0]),
        NumPyCase("sum([x, y], axis=1)", [2], [1.25, 1]),
        NumPyCase("[x, y].T", [3, 2], [0.5, 1.5, -1.25, 0.25, 2, -0.75]),
        NumPyCase("T[..., 0]", [2, 3], [0, -0.75, 1, -0.5, -0.25, 1]),
        NumPyCase("T[1, ..., 2]", [3], [1, -0.75, 0]),
        NumPyCase(
            "T[...]", [2, 3, 4],
            [
                0, 0.75, 1, 0.25, -0.75, -1, -0.25, 0.75, 1, 0.5, -0.5, -1, -0.5, 0.5, 1, 0.75, -0.25, -1, -0.75, 0.25,
                1, 0.75, 0, -0.75,
            ]),
        NumPyCase("T[..., None, 1]", [2, 3, 1], [0.75, -1, 0.5, 0.5, -1, 0.75]),
        NumPyCase("A[..., [0, 2]]", [2, 2], [1, 0.5, 0.25, -1.5]),
        NumPyCase("x[..., 1]", [], [-1.25]),
        NumPyCase("A[(1, 2)]", [], [-1.5]),
        NumPyCase("A[(0,)]", [3], [1, -2, 0.5]),
        NumPyCase("T[(0, 1)]", [4], [-0.75, -1, -0.25, 0.75]),
        NumPyCase("take(A, [0, 4])", [2], [1, 3]),
        NumPyCase("trace(A)", [], [4]),
        NumPyCase("trace(B)", [], [-0.5]),
        NumPyCase("diag(A)", [2], [1, 3]),
        NumPyCase("diag(B)", [2], [0.5, -1]),
        NumPyCase(
            "outer(A, y)", [6, 3],
            [
                1.5, 0.25, -0.75, -3, -0.5, 1.5, 0.75, 0.125, -0.375, 0.375, 0.0625, -0.1875, 4.5, 0.75, -2.25, -2.25,
                -0.375, 1.125,
            ]),
        NumPyCase("outer(s, x)", [1, 3], [0.375, -0.9375, 1.5]),
    ]
}
