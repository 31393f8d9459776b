// Functions that formulas lack and other languages have, and what to write instead.

/// What writers bring along from NumPy, SciPy, PyTorch, R and Matlab.
enum ForeignFunction {
    /// The function that goes by another name elsewhere, or how its value is written; nil for names that are no custom.
    static func advice(for name: String) -> String? {
        let known = name.lowercased()
        if let function = synonyms[known] { return "did you mean '\(function.rawValue)'?" }
        return forms[known].map { "write \($0)" } ?? reasons[known]
    }

    /// Other names of functions that are there.
    private static let synonyms: [String: Function] = [
        "avg": .mean, "average": .mean, "nanmean": .mean, "ln": .log, "loge": .log, "absolute": .abs, "fabs": .abs,
        "sgn": .sign, "signum": .sign, "product": .prod, "total": .sum, "add_reduce": .sum, "nansum": .sum,
        "amax": .max, "amin": .min, "fmax": .maximum, "fmin": .minimum, "clamp": .clip, "logistic": .sigmoid,
        "expit": .sigmoid, "sigma": .sigmoid, "ifelse": .where, "select": .where, "cond": .where, "iif": .where,
        "sqr": .square, "inv": .inverse, "linsolve": .solve, "cat": .concatenate, "concat": .concatenate,
        "gather": .take, "lse": .logsumexp, "slogdet": .logdet, "log_det": .logdet, "bce": .binaryCrossEntropy,
        "bce_with_logits": .binaryCrossEntropy, "binary_cross_entropy_with_logits": .binaryCrossEntropy,
        "sigmoid_cross_entropy": .binaryCrossEntropy, "ce": .crossEntropy, "nll": .crossEntropy,
        "softmax_cross_entropy": .crossEntropy, "sparse_categorical_crossentropy": .crossEntropy,
        "huber_loss": .huber, "smooth_l1": .huber, "log_loss": .logisticLoss, "logloss": .logisticLoss,
        "inner": .dot, "vdot": .dot, "onehot": .oneHot, "permute": .transpose, "tr": .trace,
    ]

    /// Values that operators and other functions make.
    private static let forms: [String: String] = [
        "pow": "a ^ b", "power": "a ^ b", "matmul": "a @ b", "mm": "a @ b", "bmm": "a @ b", "multi_dot": "a @ b @ c",
        "multiply": "a * b", "add": "a + b", "subtract": "a - b", "divide": "a / b", "negative": "-x",
        "reciprocal": "1 / x", "cube": "x ^ 3", "exp2": "2 ^ x", "log2": "log(x) / log(2)",
        "log10": "log(x) / log(10)", "cbrt": "sign(x) * abs(x)^(1/3)", "hypot": "sqrt(a^2 + b^2)",
        "sinh": "(exp(x) - exp(-x)) / 2", "cosh": "(exp(x) + exp(-x)) / 2", "var": "mean((x - mean(x))^2)",
        "std": "sqrt(mean((x - mean(x))^2))", "mse": "mean((a - b)^2)", "mse_loss": "mean((a - b)^2)",
        "l1_loss": "mean(abs(a - b))", "mae": "mean(abs(a - b))", "sum_squares": "sum(x^2)", "sumsq": "sum(x^2)",
        "norm2": "norm(x)", "norm1": "sum(abs(x))", "l2_norm": "norm(x)", "l1_norm": "sum(abs(x))",
        "max_norm": "max(abs(x))", "hinge": "relu(1 - y * margin)", "hinge_loss": "relu(1 - y * margin)",
        "leaky_relu": "maximum(x, 0.01 * x)", "silu": "x * sigmoid(x)", "swish": "x * sigmoid(x)",
        "heaviside": "x > 0", "step": "x > 0", "logaddexp": "logsumexp(stack([a, b]), axis=0)",
        "det": "exp(logdet(A)) for a determinant above 0", "ravel": "reshape(x, [-1])", "flatten": "reshape(x, [-1])",
        "squeeze": "reshape(x, shape)", "expand_dims": "x[:, None]", "hstack": "concatenate([a, b], axis=1)",
        "vstack": "concatenate([a, b])", "column_stack": "stack([a, b], axis=1)",
        "kl_div": "sum(p * (log(p) - log(q)))",
        "quad_form": "x @ A @ x", "quadform": "x @ A @ x", "float": "the number without it",
        "double": "the number without it", "array": "the array under 'data'",
    ]

    /// What cannot be written at all.
    private static let reasons: [String: String] = {
        var reasons: [String: String] = [:]
        for name in ["zeros", "ones", "eye", "identity", "full", "arange", "linspace", "range"] {
            reasons[name] = "constant arrays stand under 'data': {\"value\": [...]}"
        }
        for name in ["rand", "randn", "random", "normal", "uniform"] {
            reasons[name] = "random arrays stand under 'data': {\"random\": {\"normal\": [50, 3], \"seed\": 1}}"
        }
        for name in ["argmax", "argmin", "argsort", "round", "floor", "ceil", "len", "size", "shape", "int"] {
            reasons[name] = "formulas have only what depends smoothly on its arguments, almost everywhere"
        }
        for name in ["argmin_y", "minimize", "maximize", "min_y"] {
            reasons[name] = "a problem inside a problem is a level of its own under 'levels'"
        }
        return reasons
    }()
}
