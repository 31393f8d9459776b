// Small dense products: A [m, k] with k <= 32 columns lies in 1 to 4 vectors per row, the last one masked. Instances
// for each number of vectors and for one or two right-hand sides, so that all loops over them unroll.

enum { SK_SIDES_MAX = 2, SK_CHUNKS_MAX = SK_GEMV_MAX_COLUMNS / 8 };

// Sums of the lanes of 8 vectors, in 8 lanes: three rounds of adding two interleaved halves.
SK_INLINE v8 sum_rows(const v8 r[8]) {
#define SK_EVEN(x, y) __builtin_shufflevector(x, y, 0, 8, 2, 10, 4, 12, 6, 14)
#define SK_ODD(x, y) __builtin_shufflevector(x, y, 1, 9, 3, 11, 5, 13, 7, 15)
#define SK_LOWER(x, y) __builtin_shufflevector(x, y, 0, 1, 4, 5, 8, 9, 12, 13)
#define SK_UPPER(x, y) __builtin_shufflevector(x, y, 2, 3, 6, 7, 10, 11, 14, 15)
    const v8 a = SK_EVEN(r[0], r[1]) + SK_ODD(r[0], r[1]), b = SK_EVEN(r[2], r[3]) + SK_ODD(r[2], r[3]);
    const v8 c = SK_EVEN(r[4], r[5]) + SK_ODD(r[4], r[5]), d = SK_EVEN(r[6], r[7]) + SK_ODD(r[6], r[7]);
    const v8 ab = SK_LOWER(a, b) + SK_UPPER(a, b), cd = SK_LOWER(c, d) + SK_UPPER(c, d);
    return SK_LOWER(ab, cd) + SK_UPPER(ab, cd);
#undef SK_EVEN
#undef SK_ODD
#undef SK_LOWER
#undef SK_UPPER
}

// A chunk of a row whose last chunk has `width` columns. What follows them, the next row or slack, may be infinite,
// so it is masked in the row itself: zeros in the vector would turn it into NaN.
SK_INLINE v8 load_chunk(const double *row, int chunk, int chunks, int64_t width) {
    return chunk == chunks - 1 ? load_padded(row + 8 * chunk, width) : load(row + 8 * chunk);
}

// The products of 8 rows from `row` on; rows past `last` repeat it, so that a tail is computed like a body.
SK_INLINE void rows_times(
    int chunks, int sides, const double *A, int64_t row, int64_t last, int64_t k, int64_t width,
    const v8 x[SK_SIDES_MAX][SK_CHUNKS_MAX], v8 result[SK_SIDES_MAX]) {
    v8 products[SK_SIDES_MAX][8];
#pragma clang loop unroll(full)
    for (int r = 0; r < 8; r++) {
        const double *at = A + smaller(row + r, last) * k;
#pragma clang loop unroll(full)
        for (int j = chunks - 1; j >= 0; j--) {
            const v8 a = load_chunk(at, j, chunks, width);
#pragma clang loop unroll(full)
            for (int s = 0; s < sides; s++)
                products[s][r] = j == chunks - 1 ? a * x[s][j] : fma8(a, x[s][j], products[s][r]);
        }
    }
#pragma clang loop unroll(full)
    for (int s = 0; s < sides; s++) result[s] = sum_rows(products[s]);
}

SK_INLINE void times(
    int chunks, int sides, const double *A, int64_t m, int64_t k, const double *const *x, double *const *y) {
    const int64_t width = k - 8 * (chunks - 1);
    v8 columns[SK_SIDES_MAX][SK_CHUNKS_MAX], result[SK_SIDES_MAX];
#pragma clang loop unroll(full)
    for (int s = 0; s < sides; s++)
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) columns[s][j] = load_chunk(x[s], j, chunks, width);
    int64_t i = 0;
    for (; i + 8 <= m; i += 8) {
        rows_times(chunks, sides, A, i, i + 7, k, width, columns, result);
        for (int s = 0; s < sides; s++) store(y[s] + i, result[s]);
    }
    if (i == m) return;
    rows_times(chunks, sides, A, i, m - 1, k, width, columns, result);
    for (int s = 0; s < sides; s++) store_first(y[s] + i, result[s], m - i);
}

// Row i is added to chain i % chains; then the chains are added. The number of chains hides the latency of additions
// and spares the registers of both variants, as measured.
SK_INLINE void transposed_times(
    int chunks, int sides, const double *A, int64_t m, int64_t k, const double *const *c, double *const *y) {
    const int chains = chunks * sides == 1 ? 4 : chunks * sides == 4 ? 1 : 2;
    const int64_t width = k - 8 * (chunks - 1);
    v8 sums[4][SK_SIDES_MAX][SK_CHUNKS_MAX];
    for (int q = 0; q < chains; q++)
        for (int s = 0; s < sides; s++)
            for (int j = 0; j < chunks; j++) sums[q][s][j] = splat(0.0);
    for (int64_t i = 0; i < m; i += chains) {
#pragma clang loop unroll(full)
        for (int q = 0; q < chains; q++) {
            if (i + q >= m) break;
            const double *row = A + (i + q) * k;
#pragma clang loop unroll(full)
            for (int j = 0; j < chunks; j++) {
                const v8 a = load_chunk(row, j, chunks, width);
#pragma clang loop unroll(full)
                for (int s = 0; s < sides; s++) sums[q][s][j] = fma8(a, splat(c[s][i + q]), sums[q][s][j]);
            }
        }
    }
    for (int s = 0; s < sides; s++)
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) {
            v8 total = chains == 1 ? sums[0][s][j] : sums[0][s][j] + sums[1][s][j];
            if (chains == 4) total += sums[2][s][j] + sums[3][s][j];
            store_first(y[s] + 8 * j, total, smaller(k - 8 * j, 8));
        }
}

// More columns are the caller's mistake: the instances end at 4 chunks.
#define SK_FOR_CHUNKS(KERNEL, sides, m, k, in, out)                                      \
    switch ((k + 7) / 8) {                                                               \
    case 0: break;                                                                       \
    case 1: KERNEL(1, sides, A, m, k, in, out); return;                                  \
    case 2: KERNEL(2, sides, A, m, k, in, out); return;                                  \
    case 3: KERNEL(3, sides, A, m, k, in, out); return;                                  \
    case 4: KERNEL(4, sides, A, m, k, in, out); return;                                  \
    default: __builtin_trap();                                                           \
    }

static void gemv_n(const double *A, int64_t m, int64_t k, const double *x, double *y) {
    const double *const in[] = {x};
    double *const out[] = {y};
    SK_FOR_CHUNKS(times, 1, m, k, in, out)
    for (int64_t i = 0; i < m; i++) y[i] = 0.0;
}

static void gemv_n2(
    const double *A, int64_t m, int64_t k, const double *x0, const double *x1, double *y0, double *y1) {
    const double *const in[] = {x0, x1};
    double *const out[] = {y0, y1};
    SK_FOR_CHUNKS(times, 2, m, k, in, out)
    for (int64_t i = 0; i < m; i++) y0[i] = y1[i] = 0.0;
}

static void gemv_t(const double *A, int64_t m, int64_t k, const double *c, double *y) {
    const double *const in[] = {c};
    double *const out[] = {y};
    SK_FOR_CHUNKS(transposed_times, 1, m, k, in, out)
}

static void gemv_t2(
    const double *A, int64_t m, int64_t k, const double *c0, const double *c1, double *y0, double *y1) {
    const double *const in[] = {c0, c1};
    double *const out[] = {y0, y1};
    SK_FOR_CHUNKS(transposed_times, 2, m, k, in, out)
}
