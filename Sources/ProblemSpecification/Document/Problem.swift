// The problem as written: data, sampling, definitions and levels in document order, formulas still text.

import Tensors

/// The mathematical part of a document.
package struct Problem: Sendable, Equatable {
    /// The most levels a problem may have.
    package static let levelLimit = 8
    /// The most data entries, sample axes, definitions and variables a problem may have together.
    package static let nameLimit = 10_000

    /// A title for people.
    package var name: String?
    /// What the problem is solved in.
    package var precision: Precision
    /// Named arrays.
    package var data: [DataEntry] = []
    /// Sample axes.
    package var samples: [SampleAxis] = []
    /// Named formulas.
    package var definitions: [Definition] = []
    /// The outermost decision maker first; at least one.
    package var levels: [LevelSpecification]
    /// Names whose own faults have been reported; empty where there are none.
    package var unreadable: Set<String> = []
    /// Whether a fault may have kept names from being read at all.
    package var lacksNames = false

    /// The memberwise initializer.
    package init(
        name: String? = nil, precision: Precision = .float64, data: [DataEntry] = [], samples: [SampleAxis] = [],
        definitions: [Definition] = [], levels: [LevelSpecification], unreadable: Set<String> = [],
        lacksNames: Bool = false
    ) {
        self.name = name
        self.precision = precision
        self.data = data
        self.samples = samples
        self.definitions = definitions
        self.levels = levels
        self.unreadable = unreadable
        self.lacksNames = lacksNames
    }
}

/// A named array that the formulas may use.
package struct DataEntry: Sendable, Equatable {
    /// The name, unique in the problem.
    package let name: String
    /// JSON pointer to the entry.
    package let pointer: String
    /// Where the array comes from.
    package let source: DataSource

    /// The memberwise initializer.
    package init(name: String, pointer: String, source: DataSource) {
        self.name = name
        self.pointer = pointer
        self.source = source
    }
}

/// Where an array comes from.
package enum DataSource: Sendable, Equatable {
    /// Given in the document; an integer tensor where every literal is an integer.
    case value(Tensor)
    /// Given in the document by its stored entries.
    case sparse(SparseMatrix)
    /// A part of an uploaded data set.
    case dataset(DatasetSelection)
    /// Drawn from a distribution.
    case generated(RandomArray)
}

/// A part of a data set.
package struct DatasetSelection: Sendable, Equatable {
    /// Name or id.
    package let dataset: String
    /// Which of its arrays.
    package let part: DatasetPart
    /// All rows where nil.
    package let rows: RowRange?

    /// The memberwise initializer.
    package init(dataset: String, part: DatasetPart, rows: RowRange? = nil) {
        self.dataset = dataset
        self.part = part
        self.rows = rows
    }

    /// Columns of a table.
    package init(dataset: String, columns: ColumnSelection = .all, rows: RowRange? = nil) {
        self.init(dataset: dataset, part: .columns(columns), rows: rows)
    }
}

/// One of the arrays that a data set holds.
package enum DatasetPart: Sendable, Equatable {
    /// Of a table: columns in the order wanted.
    case columns(ColumnSelection)
    /// Of labelled sparse rows (LIBSVM): the matrix.
    case features(FeatureSelection)
    /// Of labelled sparse rows: the labels, a vector.
    case labels
}

/// How the features of labelled sparse rows are read.
package struct FeatureSelection: Sendable, Equatable {
    /// The number of columns; what the largest index wants where nil.
    package let count: Int?
    /// The index of the first column, 0 or 1; found in the file where nil.
    package let firstIndex: Int?
    /// Whether zeros are written out.
    package let isDense: Bool

    /// The memberwise initializer.
    package init(count: Int? = nil, firstIndex: Int? = nil, isDense: Bool = false) {
        self.count = count
        self.firstIndex = firstIndex
        self.isDense = isDense
    }
}

/// Which columns of a data set, and whether they make a matrix or a vector.
package enum ColumnSelection: Sendable, Equatable {
    /// Every numeric column, a matrix [rows, k].
    case all
    /// The named columns in this order, a matrix [rows, k].
    case names([String])
    /// One column, a vector [rows].
    case single(String)
}

/// A slice of rows with NumPy's meaning: negative bounds count from the end, bounds outside are clipped.
package struct RowRange: Sendable, Equatable {
    /// The first row; nil for 0.
    package let start: Int?
    /// The row after the last; nil for the number of rows.
    package let end: Int?

    package init(start: Int?, end: Int?) {
        self.start = start
        self.end = end
    }

    /// Reads `a:b`, `a:`, `:b` or `:`; nil for anything else, a step included.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = Self.bound(parts[0]), let end = Self.bound(parts[1]) else { return nil }
        self.init(start: start, end: end)
    }

    /// The rows of a table with `count` rows; empty where the end does not come after the start.
    package func resolved(count: Int) -> Range<Int> {
        let first = Self.clip(start ?? 0, count)
        return first..<max(first, Self.clip(end ?? count, count))
    }

    private static func clip(_ bound: Int, _ count: Int) -> Int {
        min(max(bound < 0 ? bound + count : bound, 0), count)
    }

    /// A bound, nil inside where there is none written; nil outside where it is no integer.
    private static func bound(_ text: Substring) -> Int?? {
        let trimmed = text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        if trimmed.isEmpty { return .some(nil) }
        if trimmed.allSatisfy({ $0.isASCII && $0.isNumber }) { return .some(Int(String(trimmed)) ?? .max) }
        guard trimmed.first != "+", let value = Int(String(trimmed)) else { return nil }
        return .some(value)
    }
}

/// An array drawn once, from its own seed.
package struct RandomArray: Sendable, Equatable {
    /// What each entry is drawn from.
    package enum Distribution: Sendable, Equatable {
        /// Mean 0, standard deviation ``RandomArray/scale``.
        case normal
        /// Uniform on [low, high).
        case uniform(low: Double, high: Double)
    }

    /// What each entry is drawn from.
    package let distribution: Distribution
    /// Dimensions.
    package let shape: [Int]
    /// Factor of a normal entry; 1 for other distributions.
    package let scale: Double
    /// The array's own seed, apart from the job's.
    package let seed: UInt64

    /// The memberwise initializer.
    package init(distribution: Distribution, shape: [Int], scale: Double = 1, seed: UInt64 = 0) {
        self.distribution = distribution
        self.shape = shape
        self.scale = scale
        self.seed = seed
    }
}

/// The shared leading axis of some arrays.
package struct SampleAxis: Sendable, Equatable {
    /// The name, unique in the problem.
    package let name: String
    /// JSON pointer to the entry.
    package let pointer: String
    /// Names of data entries; at least one.
    package let arrays: [String]
    /// Rows of a batch, at least 1; nil where the method chooses.
    package let batch: Int?

    /// The memberwise initializer.
    package init(name: String, pointer: String, arrays: [String], batch: Int? = nil) {
        self.name = name
        self.pointer = pointer
        self.arrays = arrays
        self.batch = batch
    }
}

/// A named formula.
package struct Definition: Sendable, Equatable {
    /// The name, unique in the problem.
    package let name: String
    /// JSON pointer to the formula.
    package let pointer: String
    /// The text of the formula.
    package let formula: String

    /// The memberwise initializer.
    package init(name: String, pointer: String, formula: String) {
        self.name = name
        self.pointer = pointer
        self.formula = formula
    }
}

/// One decision maker.
package struct LevelSpecification: Sendable, Equatable {
    /// Unique among the levels; `level_1`, `level_2`, … where the document names none.
    package let name: String
    /// JSON pointer to the level.
    package let pointer: String
    /// At least one.
    package let variables: [VariableSpecification]
    /// What the level does with them.
    package let objective: ObjectiveSpecification
    /// What is added to the objective; at most one term for each variable.
    package let nonsmooth: [NonsmoothTerm]
    /// General constraints, each a comparison.
    package let constraints: [PlacedFormula]

    /// The memberwise initializer.
    package init(
        name: String, pointer: String, variables: [VariableSpecification], objective: ObjectiveSpecification,
        nonsmooth: [NonsmoothTerm] = [], constraints: [PlacedFormula] = []
    ) {
        self.name = name
        self.pointer = pointer
        self.variables = variables
        self.objective = objective
        self.nonsmooth = nonsmooth
        self.constraints = constraints
    }
}

/// What a level does with its variables.
package enum ObjectiveSpecification: Sendable, Equatable {
    case minimize(formula: String, pointer: String)
    case maximize(formula: String, pointer: String)
    /// One map for every variable of the level, in document order.
    case fixedPoint([FixedPointMap])
    /// None that could be read; its fault has been reported.
    case unreadable
}

/// The map whose fixed point a variable is.
package struct FixedPointMap: Sendable, Equatable {
    /// A variable of the level.
    package let variable: String
    /// The text of the formula.
    package let formula: String
    /// JSON pointer to the formula.
    package let pointer: String

    /// The memberwise initializer.
    package init(variable: String, formula: String, pointer: String) {
        self.variable = variable
        self.formula = formula
        self.pointer = pointer
    }
}

/// One variable of a level.
package struct VariableSpecification: Sendable, Equatable {
    /// The name, unique in the problem.
    package let name: String
    /// JSON pointer to the entry.
    package let pointer: String
    /// Dimensions, those of one row where ``per`` is set; empty for a scalar.
    package let shape: [Int]
    /// The sample axis with one entry per row, where there is one.
    package let per: String?
    /// Where it starts.
    package let start: StartSpecification
    /// The set it lies in.
    package let constraint: ConstraintSpecification

    /// The memberwise initializer.
    package init(
        name: String, pointer: String, shape: [Int], per: String?, start: StartSpecification,
        constraint: ConstraintSpecification
    ) {
        self.name = name
        self.pointer = pointer
        self.shape = shape
        self.per = per
        self.start = start
        self.constraint = constraint
    }
}

/// Where a variable starts.
package enum StartSpecification: Sendable, Equatable {
    /// Every entry the same.
    case number(Double)
    /// Entry by entry; of the variable's shape, unless the variable is aligned with a sample axis.
    case array(Tensor)
    /// A formula of shallower variables and data.
    case formula(String)
    /// Normal entries of mean 0 and this standard deviation, from the job's seed.
    case normal(scale: Double)
    /// Entries uniform on [low, high), from the job's seed.
    case uniform(Double, Double)
}

/// The set that a variable lies in.
package indirect enum ConstraintSpecification: Sendable, Equatable {
    case none
    /// Entry-wise bounds with lower ≤ upper, each a scalar or of the variable's shape; nil where unbounded.
    case box(lower: Tensor?, upper: Tensor?)
    case ball(BallSpecification)
    /// A x = b for the entries x in row-major order: A a matrix, b a vector with a number for each row of it.
    case affine(matrix: Tensor, rhs: Tensor)
    /// ⟨a, x⟩ ≤ b.
    case halfspace(normal: Tensor, offset: Double)
    /// Several at once, at least one.
    case all([ConstraintSpecification])

    /// Whether entries are nonnegative and add up to a number, row by row or all together.
    package var isSimplex: Bool {
        switch self {
        case .ball(let ball): ball.kind == .simplex
        case .none, .box, .affine, .halfspace, .all: false
        }
    }
}

/// A set given by a radius, which is not negative.
package struct BallSpecification: Sendable, Equatable {
    /// Which set; the raw value is its name in documents.
    package enum Kind: String, Sendable, CaseIterable {
        /// Nonnegative entries that add up to the radius.
        case simplex
        case l1 = "l1_ball"
        case l2 = "l2_ball"
        case linf = "linf_ball"
        /// Matrices whose singular values are at most the radius.
        case spectral = "spectral_ball"
    }
    package let kind: Kind
    package let radius: Double
    /// Whether each row of the variable is in the set by itself.
    package let byRows: Bool

    package init(kind: Kind, radius: Double, byRows: Bool = false) {
        self.kind = kind
        self.radius = radius
        self.byRows = byRows
    }
}

/// A formula and where it stands.
package struct PlacedFormula: Sendable, Equatable {
    package let text: String
    package let pointer: String

    package init(text: String, pointer: String) {
        self.text = text
        self.pointer = pointer
    }
}

/// A term of one variable that is added to a level's objective and has no gradient everywhere.
package struct NonsmoothTerm: Sendable, Equatable {
    /// The kinds, with their weights.
    package enum Kind: Sendable, Equatable {
        /// w Σ|x|.
        case l1(PlacedFormula)
        /// w₁ Σ|x| + ½ w₂ Σx².
        case elasticNet(l1: PlacedFormula, l2: PlacedFormula)
        /// w Σ ‖row‖₂ over the rows of the variable; a vector is one row.
        case groupL2(PlacedFormula)
        /// w Σx with x ≥ 0.
        case nonnegativeL1(PlacedFormula)
    }
    /// A variable of the level.
    package let variable: String
    package let kind: Kind
    /// JSON pointer to the term.
    package let pointer: String

    package init(variable: String, kind: Kind, pointer: String) {
        self.variable = variable
        self.kind = kind
        self.pointer = pointer
    }

    /// The weights' formulas.
    package var formulas: [PlacedFormula] {
        switch kind {
        case .l1(let weight), .groupL2(let weight), .nonnegativeL1(let weight): [weight]
        case .elasticNet(let first, let second): [first, second]
        }
    }
}
