// Names that other tools give to fields, constraints and terms, and the ones that documents have for them.

/// Finds the field that a writer meant by another tool's name for it.
enum ForeignKeys {
    /// The first of `known` that goes by `name` elsewhere; nil where none does.
    static func meaning(of name: String, among known: [String]) -> String? {
        let plain = name.lowercased().replacing("-", with: "_").replacing(" ", with: "_")
        if plain != name, known.contains(plain) { return plain }
        return meanings[plain]?.first(where: known.contains)
    }

    /// Documents' names by other names, the likeliest first; where a field stands decides.
    private static let meanings: [String: [String]] = {
        var meanings: [String: [String]] = [:]
        for (own, others) in table {
            for other in others { meanings[other, default: []].append(own) }
        }
        return meanings
    }()

    private static let table: [(own: String, others: [String])] = [
        ("levels", ["level", "upper", "lower", "outer", "inner", "leader", "follower", "upper_level", "lower_level"]),
        ("variables", ["vars", "var", "parameters", "params", "unknowns", "decision_variables"]),
        ("minimize", ["objective", "min", "loss", "cost", "minimise", "f", "goal", "criterion"]),
        ("maximize", ["max", "maximise", "reward", "utility"]),
        ("fixed_point", ["map", "fixpoint", "equilibrium", "update"]),
        ("nonsmooth", ["regularizer", "regulariser", "penalty", "proximal", "prox", "regularization", "l1", "lasso"]),
        ("subject_to", ["constraints", "st", "s_t", "subjectto", "subject"]),
        ("constraint", ["bounds", "bound", "box", "set", "domain", "limits", "nonnegative", "simplex", "projection"]),
        ("start", ["init", "initial", "initial_value", "initialization", "x0", "guess", "value", "default"]),
        ("shape", ["size", "dim", "dims", "dimension", "dimensions", "length", "n"]),
        ("per", ["axis", "along", "samples", "sample", "each"]),
        ("l1", ["lasso", "ell1", "l_1", "sparsity", "l1_norm", "weight"]),
        ("l2", ["ridge", "ell2", "tikhonov", "weight_decay"]),
        ("elastic_net", ["elasticnet", "enet", "ridge", "l2"]),
        ("group_l2", ["group_lasso", "grouplasso", "l21", "group", "l1_l2"]),
        ("nonnegative_l1", ["positive_l1", "nonnegative_lasso", "positive_lasso"]),
        ("box", ["bounds", "bound", "range", "interval", "limits", "between", "min", "max", "lower", "upper"]),
        ("nonnegative", ["positive", "nonneg", "non_negative", "orthant", "geq_0"]),
        ("simplex", ["probability_simplex", "unit_simplex", "probability", "probabilities", "distribution"]),
        ("l2_ball", ["ball", "sphere", "euclidean_ball", "norm_ball", "l2", "norm"]),
        ("l1_ball", ["l1", "cross_polytope"]),
        ("linf_ball", ["linf", "inf_ball", "l_inf_ball", "hypercube"]),
        ("affine", ["equality", "equalities", "linear", "hyperplane", "eq"]),
        ("halfspace", ["inequality", "half_space", "leq"]),
        ("spectral_ball", ["spectral", "operator_ball", "spectral_norm"]),
        ("radius", ["r", "size", "norm"]),
        ("A", ["a", "matrix", "lhs"]),
        ("a", ["normal", "vector", "lhs"]),
        ("b", ["rhs", "offset", "right"]),
        ("value", ["values", "array", "data", "numbers", "list", "matrix", "vector", "inline"]),
        ("dataset", ["file", "csv", "path", "name", "url", "source", "table", "data_set"]),
        ("csr", ["sparse", "coo", "csc"]),
        ("columns", ["column", "cols", "fields"]),
        ("rows", ["row", "slice", "split"]),
        ("arrays", ["array", "data", "names", "of"]),
        ("batch", ["batch_size", "batchsize", "minibatch", "size"]),
        ("normal", ["gaussian", "randn", "shape"]),
        ("scale", ["std", "sigma", "stddev", "standard_deviation"]),
        ("seed", ["random_state", "rng", "random_seed"]),
        ("precision", ["dtype", "type"]),
        ("definitions", ["let", "where", "define", "expressions", "functions", "macros"]),
        ("data", ["constants", "inputs"]),
        ("method", ["solver", "algorithm", "optimizer", "optimiser"]),
        ("limits", ["budget", "budgets", "limit", "max_iter", "iterations", "time_limit"]),
        ("tolerances", ["tol", "tolerance", "eps", "epsilon"]),
        ("hypergradient", ["upper", "outer", "gradient", "tol"]),
        ("iterations", ["max_iter", "max_iterations", "epochs", "n_iter", "maxiter", "steps"]),
        ("time_seconds", ["time", "timeout", "time_limit", "max_time", "seconds"]),
        ("memory_bytes", ["memory", "max_memory"]),
        ("steps", ["max_iter", "iterations", "n_steps", "maxiter"]),
        ("step", ["lr", "learning_rate", "step_size", "stepsize", "eta", "rate"]),
        ("tolerance", ["tol", "eps", "epsilon"]),
        ("upper_step", ["lr", "learning_rate", "step", "step_size", "upper_solver", "outer_solver", "optimizer"]),
        ("lower_solver", ["inner_solver", "solver", "inner", "lower"]),
        ("linear_solver", ["linear", "cg", "system"]),
        ("sweep", ["grid", "grid_search", "param_grid", "search_space", "scan"]),
        ("restarts", ["n_restarts", "num_restarts", "random_restarts", "multistart", "multi_start", "runs", "starts"]),
        ("over", ["grid", "parameters", "params", "values", "axes", "space"]),
        ("count", ["n", "number", "runs", "members", "restarts"]),
        ("halving", ["successive_halving", "hyperband", "asha", "pruning"]),
        ("factor", ["eta", "reduction_factor", "rate"]),
        ("product", ["cartesian", "grid", "combine"]),
        ("max_attempts", ["attempts", "retries", "max_retries"]),
    ]
}
