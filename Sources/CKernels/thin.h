// Dense products with few columns: A [m, k] times B [k, n] and transpose(A) times D [m, n], n <= SK_THIN_MAX_COLUMNS. Whole
// vectors lie along k, so that no lane is idle however few the columns are. The order of every sum is fixed: a tile's
// shape, chosen for the registers of the variant, does not change the bits.

#if defined(SK_TARGET_V4)
enum { SK_TILE_ROWS = 4, SK_TILE_COLUMNS = 5, SK_BAND_VECTORS = 2, SK_BAND_COLUMNS = 10 };
#else
enum { SK_TILE_ROWS = 2, SK_TILE_COLUMNS = 3, SK_BAND_VECTORS = 1, SK_BAND_COLUMNS = 5 };
#endif

enum {
    SK_TILE_SUMS = (SK_TILE_ROWS * SK_TILE_COLUMNS + 7) / 8 * 8,
    // Columns of A whose part of B is laid out at a time: ten such columns of doubles fill a first cache.
    SK_THIN_DEPTH = 400,
    // Rows of A that meet all columns of B before the next do: a fraction of the second cache.
    SK_THIN_GROUP = 64,
    // Rows whose products are added up in one chain.
    SK_THIN_ROWS = 256,
};

// A width that splits n into equal groups of at most `most`.
SK_INLINE int64_t group_width(int64_t n, int64_t most) {
    const int64_t groups = (n + most - 1) / most;
    return (n + groups - 1) / groups;
}

// The products of rows i.. of A, `depth` columns of it, with `columns` columns that lie `pitch` apart.
SK_INLINE void tile(
    int columns, const real *A, int64_t i, int64_t m, int64_t k, const real *B, int64_t depth, int64_t pitch, real *C,
    int64_t n, bool adds, sk_ahead *ahead) {
    vec sums[SK_TILE_SUMS];
    const real *row[SK_TILE_ROWS];
    sk_ahead reached = *ahead;
#pragma clang loop unroll(full)
    for (int q = 0; q < SK_TILE_SUMS; q++) sums[q] = splat(0);
    // Rows past the last repeat it, so that a tail is computed like a body.
#pragma clang loop unroll(full)
    for (int r = 0; r < SK_TILE_ROWS; r++) row[r] = A + smaller(i + r, m - 1) * k;
#define SK_STEP(LOAD)                                                                        \
    vec a[SK_TILE_ROWS];                                                                     \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < SK_TILE_ROWS; r++) a[r] = LOAD;   \
    _Pragma("clang loop unroll(full)") for (int c = 0; c < columns; c++) {                   \
        const vec b = load(B + c * pitch + j);                                               \
        _Pragma("clang loop unroll(full)") for (int r = 0; r < SK_TILE_ROWS; r++)            \
            sums[r * columns + c] = vfma(a[r], b, sums[r * columns + c]);                    \
    }
    int64_t j = 0;
    for (; j + SK_LANES <= depth; j += SK_LANES) {
        sk_reach(&reached, 1);
        SK_STEP(load(row[r] + j))
    }
    if (j < depth) { SK_STEP(load_first(row[r] + j, depth - j)) }
#undef SK_STEP
    real results[SK_TILE_SUMS];
#pragma clang loop unroll(full)
    for (int q = 0; q < SK_TILE_SUMS; q += 8) store_octet(results + q, sum_rows(sums + q));
    for (int64_t r = 0; r < smaller(SK_TILE_ROWS, m - i); r++)
        for (int c = 0; c < columns; c++) {
            real *const at = C + (i + r) * n + c;
            *at = adds ? *at + results[r * columns + c] : results[r * columns + c];
        }
    *ahead = reached;
}

#define SK_CASE(columns, KERNEL, ...) \
    case columns: KERNEL(columns, __VA_ARGS__); break;

static void thin_n(const void *matrix, int64_t m, int64_t k, const void *factor, int64_t n, void *product, sk_ahead *ahead) {
    const real *const A = matrix, *const B = factor;
    real *const C = product;
    _Alignas(64) real laid[SK_THIN_MAX_COLUMNS * (SK_THIN_DEPTH + SK_LANES)];
    const int64_t width = group_width(n, SK_TILE_COLUMNS);
    for (int64_t start = 0; start < k; start += SK_THIN_DEPTH) {
        const int64_t depth = smaller(k - start, SK_THIN_DEPTH);
        // An odd number of vectors: columns a power of two apart would share the sets of the cache.
        const int64_t pitch = ((depth + SK_LANES - 1) / SK_LANES | 1) * SK_LANES;
        lay_transpose(B + start * n, depth, n, n, laid, pitch);
        for (int64_t c = 0; c < n; c++)
            for (int64_t j = depth; j < pitch; j++) laid[c * pitch + j] = 0;
        for (int64_t group = 0; group < m; group += SK_THIN_GROUP)
            for (int64_t c = 0; c < n; c += width)
                for (int64_t i = group; i < smaller(group + SK_THIN_GROUP, m); i += SK_TILE_ROWS)
                    switch (smaller(width, n - c)) {
#define SK_TILE(columns)                                                                                           \
    SK_CASE(columns, tile, A + start, i, m, k, laid + c * pitch, depth, pitch, C + c, n, start > 0, ahead)
                SK_TILE(1) SK_TILE(2) SK_TILE(3)
#if defined(SK_TARGET_V4)
                SK_TILE(4) SK_TILE(5)
#endif
#undef SK_TILE
                }
    }
}

// Rows of transpose(A) D: those of `count` columns of A, in `vectors` vectors, with `columns` columns of D.
SK_INLINE void band(
    int columns, int vectors, const real *A, int64_t m, int64_t k, int64_t count, const real *D, real *C, int64_t n,
    bool adds, sk_ahead *ahead) {
    vec sums[SK_BAND_VECTORS][SK_BAND_COLUMNS];
    sk_ahead reached = *ahead;
    const int64_t last = count - SK_LANES * (vectors - 1);
#pragma clang loop unroll(full)
    for (int s = 0; s < vectors; s++)
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++) sums[s][c] = splat(0);
    for (int64_t i = 0; i < m; i++, A += k, D += n) {
        vec a[SK_BAND_VECTORS];
        sk_reach(&reached, 1);
#pragma clang loop unroll(full)
        for (int s = 0; s < vectors; s++)
            a[s] = last < SK_LANES && s == vectors - 1 ? load_first(A + SK_LANES * s, last) : load(A + SK_LANES * s);
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++) {
            const vec d = splat(D[c]);
#pragma clang loop unroll(full)
            for (int s = 0; s < vectors; s++) sums[s][c] = vfma(a[s], d, sums[s][c]);
        }
    }
    real results[SK_BAND_COLUMNS][SK_BAND_VECTORS * SK_LANES];
#pragma clang loop unroll(full)
    for (int c = 0; c < columns; c++)
#pragma clang loop unroll(full)
        for (int s = 0; s < vectors; s++) store(results[c] + SK_LANES * s, sums[s][c]);
    if (adds)
        for (int64_t j = 0; j < count; j++, C += n)
#pragma clang loop unroll(full)
            for (int c = 0; c < columns; c++) C[c] += results[c][j];
    else
        lay_transpose(results[0], columns, count, SK_BAND_VECTORS * SK_LANES, C, n);
    *ahead = reached;
}

static void thin_t(const void *matrix, int64_t m, int64_t k, const void *factor, int64_t n, void *product, sk_ahead *ahead) {
    const real *const A = matrix, *const D = factor;
    real *const C = product;
    const int64_t width = group_width(n, SK_BAND_COLUMNS);
    for (int64_t start = 0; start < m; start += SK_THIN_ROWS) {
        const int64_t rows = smaller(m - start, SK_THIN_ROWS);
        for (int64_t j = 0; j < k;) {
            const bool whole = j + SK_BAND_VECTORS * SK_LANES <= k;
            const int64_t count = whole ? SK_BAND_VECTORS * SK_LANES : smaller(k - j, SK_LANES);
            for (int64_t c = 0; c < n; c += width) {
                const real *const a = A + start * k + j, *const d = D + start * n + c;
                real *const at = C + j * n + c;
                switch (smaller(width, n - c)) {
#define SK_BAND(columns)                                                                   \
    case columns:                                                                          \
        if (whole)                                                                         \
            band(columns, SK_BAND_VECTORS, a, rows, k, count, d, at, n, start > 0, ahead); \
        else                                                                               \
            band(columns, 1, a, rows, k, count, d, at, n, start > 0, ahead);               \
        break;
                SK_BAND(1) SK_BAND(2) SK_BAND(3) SK_BAND(4) SK_BAND(5)
#if defined(SK_TARGET_V4)
                SK_BAND(6) SK_BAND(7) SK_BAND(8) SK_BAND(9) SK_BAND(10)
#endif
#undef SK_BAND
                }
            }
            j += count;
        }
    }
}
