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
    for (int64_t j = 0; j < depth; j++)
        for (int64_t c = 0; c < pitch; c++)
            panel[j * pitch + c] =
                c >= width ? 0 : transposed ? B[(column + c) * k + row + j] : B[(row + j) * n + column + c];
}

// Rows i.. of A times a panel of `vectors` vectors, of which `width` columns are stored.
SK_INLINE void wide_tile(
    int vectors, const real *A, int64_t i, int64_t m, int64_t k, const real *panel, int64_t depth, real *C, int64_t n,
    int64_t width, bool adds) {
    vec sums[SK_WIDE_ROWS][SK_WIDE_VECTORS];
    const real *row[SK_WIDE_ROWS];
    // Rows past the last repeat it, so that a tail is computed like a body.
#pragma clang loop unroll(full)
    for (int r = 0; r < SK_WIDE_ROWS; r++) {
        row[r] = A + smaller(i + r, m - 1) * k;
#pragma clang loop unroll(full)
        for (int s = 0; s < vectors; s++) sums[r][s] = splat(0);
    }
    for (int64_t j = 0; j < depth; j++, panel += vectors * SK_LANES) {
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
}

// Rows i.. of A times a panel of any width.
SK_INLINE void panel_times(
    int vectors, const real *A, int64_t i, int64_t m, int64_t k, const real *panel, int64_t depth, real *C, int64_t n,
    int64_t width, bool adds) {
    switch (vectors) {
#define SK_WIDE(vectors) \
    case vectors: wide_tile(vectors, A, i, m, k, panel, depth, C, n, width, adds); break;
        SK_WIDE(1)
#if defined(SK_TARGET_V4)
        SK_WIDE(2)
        SK_WIDE(3)
#endif
#undef SK_WIDE
    default: __builtin_unreachable();
    }
}

static void wide_n(
    const void *matrix, int64_t m, int64_t k, const void *factor, int64_t n, bool transposed, void *product) {
    const real *const A = matrix, *const B = factor;
    real *const C = product;
    _Alignas(64) real slab[SK_SLAB_COLUMNS * SK_SLAB_ROWS];
    for (int64_t first = 0; first < n; first += SK_SLAB_COLUMNS) {
        const int64_t columns = smaller(n - first, SK_SLAB_COLUMNS);
        for (int64_t start = 0; start < k; start += SK_SLAB_ROWS) {
            const int64_t depth = smaller(k - start, SK_SLAB_ROWS);
            for (int64_t c = 0; c < columns; c += SK_WIDE_PANEL)
                lay_panel(
                    B, k, n, transposed, start, depth, first + c, smaller(columns - c, SK_WIDE_PANEL), slab + c * SK_SLAB_ROWS);
            for (int64_t i = 0; i < m; i += SK_WIDE_ROWS)
                for (int64_t c = 0; c < columns; c += SK_WIDE_PANEL) {
                    const int64_t width = smaller(columns - c, SK_WIDE_PANEL);
                    panel_times(
                        panel_vectors(width), A + start, i, m, k, slab + c * SK_SLAB_ROWS, depth, C + first + c, n, width,
                        start > 0);
                }
        }
    }
}
