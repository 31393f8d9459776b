// Dense products A B with more columns than the thin ones: A [m, k] by rows, B [k, n], or [n, k] where it is transposed. A
// slab of B is laid out so that the innermost loop reads it from end to end, and every element is one chain of products
// over the rows of a slab, so that neither the tile's shape nor the processor changes the bits.
// Goto, van de Geijn, Anatomy of high-performance matrix multiplication, 2008.

#if defined(SK_TARGET_V4)
enum { SK_WIDE_ROWS = 8, SK_WIDE_VECTORS = 3 };
#else
enum { SK_WIDE_ROWS = 6, SK_WIDE_VECTORS = 1 };
#endif

enum {
    SK_WIDE_PANEL = SK_WIDE_VECTORS * SK_LANES,
    // Columns and rows of B that are laid out at a time: a fraction of the second cache.
    SK_SLAB_COLUMNS = 48 * (SK_LANES / 8),
    SK_SLAB_ROWS = 256,
};

// The vectors that hold a row of a panel.
SK_INLINE int panel_vectors(int64_t width) { return (int)((width + SK_LANES - 1) / SK_LANES); }

// Lays out columns from `column` on, `width` of them and zeros after those, of `depth` rows from `row` on.
static void lay_panel(
    const real *B, int64_t k, int64_t n, bool transposed, int64_t row, int64_t depth, int64_t column, int64_t width,
    real *panel) {
    const int64_t pitch = SK_LANES * panel_vectors(width);
    if (transposed) {
        lay_transpose(B + column * k + row, width, depth, k, panel, pitch);
        for (int64_t j = 0; j < depth; j++)
            for (int64_t c = width; c < pitch; c++) panel[j * pitch + c] = 0;
        return;
    }
    const real *from = B + row * n + column;
    for (int64_t j = 0; j < depth; j++, from += n, panel += pitch) {
        int64_t c = 0;
        for (; c + SK_LANES <= width; c += SK_LANES) store(panel + c, load(from + c));
        if (c < width) store(panel + c, load_first(from + c, width - c));
    }
}

// Elements of `columns` columns and `depth` rows laid out.
SK_INLINE int64_t laid_count(int64_t depth, int64_t columns) { return depth * SK_LANES * panel_vectors(columns); }

static void lay_slab(
    const real *B, int64_t k, int64_t n, bool transposed, int64_t start, int64_t depth, int64_t first, int64_t columns,
    real *slab) {
    for (int64_t c = 0; c < columns; c += SK_WIDE_PANEL) {
        const int64_t width = smaller(columns - c, SK_WIDE_PANEL);
        lay_panel(B, k, n, transposed, start, depth, first + c, width, slab);
        slab += laid_count(depth, width);
    }
}

// Rows i.. of A times a panel of `vectors` vectors, of which `width` columns are stored.
SK_INLINE void wide_tile(
    int vectors, const real *A, int64_t i, int64_t m, int64_t k, const real *panel, int64_t depth, real *C, int64_t n,
    int64_t width, bool adds, sk_ahead *ahead) {
    vec sums[SK_WIDE_ROWS][SK_WIDE_VECTORS];
    const real *row[SK_WIDE_ROWS];
    // Rows past the last repeat it, so that a tail is computed like a body.
#pragma clang loop unroll(full)
    for (int r = 0; r < SK_WIDE_ROWS; r++) {
        row[r] = A + smaller(i + r, m - 1) * k;
#pragma clang loop unroll(full)
        for (int s = 0; s < vectors; s++) sums[r][s] = splat(0);
    }
    sk_ahead reached = *ahead;
    for (int64_t j = 0; j < depth; j++, panel += vectors * SK_LANES) {
        sk_reach(&reached, 1);
        vec b[SK_WIDE_VECTORS];
#pragma clang loop unroll(full)
        for (int s = 0; s < vectors; s++) b[s] = load(panel + SK_LANES * s);
#pragma clang loop unroll(full)
        for (int r = 0; r < SK_WIDE_ROWS; r++) {
            const vec a = splat(row[r][j]);
#pragma clang loop unroll(full)
            for (int s = 0; s < vectors; s++) sums[r][s] = vfma(a, b[s], sums[r][s]);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < SK_WIDE_ROWS; r++) {
        if (i + r >= m) break;
#pragma clang loop unroll(full)
        for (int s = 0; s < vectors; s++) {
            real *const at = C + (i + r) * n + SK_LANES * s;
            const int64_t count = smaller(width - SK_LANES * s, SK_LANES);
            if (count == SK_LANES)
                store(at, adds ? load(at) + sums[r][s] : sums[r][s]);
            else
                store_first(at, adds ? load_first(at, count) + sums[r][s] : sums[r][s], count);
        }
    }
    *ahead = reached;
}

// Rows i.. of A times a panel of any width.
SK_INLINE void panel_times(
    int vectors, const real *A, int64_t i, int64_t m, int64_t k, const real *panel, int64_t depth, real *C, int64_t n,
    int64_t width, bool adds, sk_ahead *ahead) {
    switch (vectors) {
#define SK_WIDE(vectors) \
    case vectors: wide_tile(vectors, A, i, m, k, panel, depth, C, n, width, adds, ahead); break;
        SK_WIDE(1)
#if defined(SK_TARGET_V4)
        SK_WIDE(2)
        SK_WIDE(3)
#endif
#undef SK_WIDE
    default: __builtin_unreachable();
    }
}

// All rows of A times a slab. Asks for the lines of one range after the other, up to one without an address.
static void slab_times(
    const real *A, int64_t m, int64_t k, const real *slab, int64_t depth, real *C, int64_t n, int64_t columns, bool adds,
    sk_ahead *ahead) {
    for (int64_t i = 0; i < m; i += SK_WIDE_ROWS) {
        const real *panel = slab;
        for (int64_t c = 0; c < columns; c += SK_WIDE_PANEL) {
            const int64_t width = smaller(columns - c, SK_WIDE_PANEL);
            while (ahead->at && ahead->lines <= 0) ahead++;
            panel_times(panel_vectors(width), A, i, m, k, panel, depth, C + c, n, width, adds, ahead);
            panel += laid_count(depth, width);
        }
    }
}

static void wide_n(
    const void *matrix, int64_t m, int64_t k, const void *factor, int64_t n, bool transposed, void *product,
    sk_ahead *ahead) {
    const real *const A = matrix;
    real *const C = product;
    _Alignas(64) real slab[SK_SLAB_COLUMNS * SK_SLAB_ROWS];
    for (int64_t first = 0; first < n; first += SK_SLAB_COLUMNS)
        for (int64_t start = 0; start < k; start += SK_SLAB_ROWS) {
            const int64_t columns = smaller(n - first, SK_SLAB_COLUMNS), depth = smaller(k - start, SK_SLAB_ROWS);
            lay_slab(factor, k, n, transposed, start, depth, first, columns, slab);
            slab_times(A + start, m, k, slab, depth, C + first, n, columns, start > 0, ahead);
        }
}

static void wide_lay(const void *factor, int64_t k, int64_t n, bool transposed, void *laid) {
    real *slab = laid;
    for (int64_t first = 0; first < n; first += SK_SLAB_COLUMNS)
        for (int64_t start = 0; start < k; start += SK_SLAB_ROWS) {
            const int64_t columns = smaller(n - first, SK_SLAB_COLUMNS), depth = smaller(k - start, SK_SLAB_ROWS);
            lay_slab(factor, k, n, transposed, start, depth, first, columns, slab);
            slab += laid_count(depth, columns);
        }
}

static void wide_laid(
    const void *matrix, int64_t m, int64_t k, const void *laid, int64_t n, void *product, sk_ahead *ahead) {
    const real *const A = matrix, *slab = laid;
    real *const C = product;
    for (int64_t first = 0; first < n; first += SK_SLAB_COLUMNS)
        for (int64_t start = 0; start < k; start += SK_SLAB_ROWS) {
            const int64_t columns = smaller(n - first, SK_SLAB_COLUMNS), depth = smaller(k - start, SK_SLAB_ROWS);
            slab_times(A + start, m, k, slab, depth, C + first, n, columns, start > 0, ahead);
            slab += laid_count(depth, columns);
        }
}
