// Small dense products: A [m, k] with k <= 32 columns lies in a few vectors per row, the last one masked. Instances for
// each number of vectors and for one or two right-hand sides, so that all loops over them unroll.

enum { SK_SIDES_MAX = 2, SK_CHUNKS_MAX = SK_GEMV_MAX_COLUMNS / SK_LANES };

// Sums of the lanes of 8 vectors, in 8 lanes: whole vectors folded to 8 lanes, then three rounds of adding two
// interleaved halves.
SK_INLINE octet sum_rows(const vec rows[8]) {
    octet r[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) r[i] = fold(rows[i]);
#define SK_EVEN(x, y) __builtin_shufflevector(x, y, 0, 8, 2, 10, 4, 12, 6, 14)
#define SK_ODD(x, y) __builtin_shufflevector(x, y, 1, 9, 3, 11, 5, 13, 7, 15)
#define SK_LOWER(x, y) __builtin_shufflevector(x, y, 0, 1, 4, 5, 8, 9, 12, 13)
#define SK_UPPER(x, y) __builtin_shufflevector(x, y, 2, 3, 6, 7, 10, 11, 14, 15)
    const octet a = SK_EVEN(r[0], r[1]) + SK_ODD(r[0], r[1]), b = SK_EVEN(r[2], r[3]) + SK_ODD(r[2], r[3]);
    const octet c = SK_EVEN(r[4], r[5]) + SK_ODD(r[4], r[5]), d = SK_EVEN(r[6], r[7]) + SK_ODD(r[6], r[7]);
    const octet ab = SK_LOWER(a, b) + SK_UPPER(a, b), cd = SK_LOWER(c, d) + SK_UPPER(c, d);
    return SK_LOWER(ab, cd) + SK_UPPER(ab, cd);
#undef SK_EVEN
#undef SK_ODD
#undef SK_LOWER
#undef SK_UPPER
}

// A chunk of a row whose last chunk has `width` columns. What follows them, the next row or slack, may be infinite,
// so it is masked in the row itself: zeros in the vector would turn it into NaN.
SK_INLINE vec load_chunk(const real *row, int chunk, int chunks, int64_t width) {
    return chunk == chunks - 1 ? load_padded(row + SK_LANES * chunk, width) : load(row + SK_LANES * chunk);
}

// The products of 8 rows from `row` on; rows past `last` repeat it, so that a tail is computed like a body.
SK_INLINE void rows_times(
    int chunks, int sides, const real *A, int64_t row, int64_t last, int64_t k, int64_t width,
    const vec x[SK_SIDES_MAX][SK_CHUNKS_MAX], octet result[SK_SIDES_MAX]) {
    vec products[SK_SIDES_MAX][8];
#pragma clang loop unroll(full)
    for (int r = 0; r < 8; r++) {
        const real *at = A + smaller(row + r, last) * k;
#pragma clang loop unroll(full)
        for (int j = chunks - 1; j >= 0; j--) {
            const vec a = load_chunk(at, j, chunks, width);
#pragma clang loop unroll(full)
            for (int s = 0; s < sides; s++)
                products[s][r] = j == chunks - 1 ? a * x[s][j] : vfma(a, x[s][j], products[s][r]);
        }
    }
#pragma clang loop unroll(full)
    for (int s = 0; s < sides; s++) result[s] = sum_rows(products[s]);
}

SK_INLINE void times(
    int chunks, int sides, const real *A, int64_t m, int64_t k, const real *const *x, real *const *y) {
    const int64_t width = k - SK_LANES * (chunks - 1);
    vec columns[SK_SIDES_MAX][SK_CHUNKS_MAX];
    octet result[SK_SIDES_MAX];
#pragma clang loop unroll(full)
    for (int s = 0; s < sides; s++)
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) columns[s][j] = load_chunk(x[s], j, chunks, width);
    int64_t i = 0;
    for (; i + 8 <= m; i += 8) {
        rows_times(chunks, sides, A, i, i + 7, k, width, columns, result);
        for (int s = 0; s < sides; s++) store_octet(y[s] + i, result[s]);
    }
    if (i == m) return;
    rows_times(chunks, sides, A, i, m - 1, k, width, columns, result);
    for (int s = 0; s < sides; s++) store_octet_first(y[s] + i, result[s], m - i);
}

// Rows whose products add up in the element type. The sums of floats over so many rows add up in double; those of
// doubles are one chain, whatever their length.
enum { SK_ROWS_PER_TOTAL = SK_HALVES == 1 ? INT32_MAX : 128 };

// The sum over the rows from `begin` to `end`. Row i is added to chain i % chains; then the chains are added. The number
// of chains hides the latency of additions and spares the registers of both variants, as measured.
SK_INLINE void sum_of_scaled_rows(
    int chunks, int sides, const real *A, int64_t begin, int64_t end, int64_t k, const real *const *c,
    vec result[SK_SIDES_MAX][SK_CHUNKS_MAX]) {
    const int chains = chunks * sides == 1 ? 4 : chunks * sides == 4 ? 1 : 2;
    const int64_t width = k - SK_LANES * (chunks - 1);
    vec sums[4][SK_SIDES_MAX][SK_CHUNKS_MAX];
    for (int q = 0; q < chains; q++)
        for (int s = 0; s < sides; s++)
            for (int j = 0; j < chunks; j++) sums[q][s][j] = splat(0);
    for (int64_t i = begin; i < end; i += chains) {
#pragma clang loop unroll(full)
        for (int q = 0; q < chains; q++) {
            if (i + q >= end) break;
            const real *row = A + (i + q) * k;
#pragma clang loop unroll(full)
            for (int j = 0; j < chunks; j++) {
                const vec a = load_chunk(row, j, chunks, width);
#pragma clang loop unroll(full)
                for (int s = 0; s < sides; s++) sums[q][s][j] = vfma(a, splat(c[s][i + q]), sums[q][s][j]);
            }
        }
    }
    for (int s = 0; s < sides; s++)
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) {
            vec total = chains == 1 ? sums[0][s][j] : sums[0][s][j] + sums[1][s][j];
            if (chains == 4) total += sums[2][s][j] + sums[3][s][j];
            result[s][j] = total;
        }
}

SK_INLINE void transposed_times(
    int chunks, int sides, const real *A, int64_t m, int64_t k, const real *const *c, real *const *y) {
    vec part[SK_SIDES_MAX][SK_CHUNKS_MAX];
    if (m <= SK_ROWS_PER_TOTAL) {
        sum_of_scaled_rows(chunks, sides, A, 0, m, k, c, part);
    } else {
        wide totals[SK_SIDES_MAX][SK_CHUNKS_MAX][SK_HALVES] = {0};
        for (int64_t i = 0; i < m; i += SK_ROWS_PER_TOTAL) {
            sum_of_scaled_rows(chunks, sides, A, i, smaller(i + SK_ROWS_PER_TOTAL, m), k, c, part);
            for (int s = 0; s < sides; s++)
                for (int j = 0; j < chunks; j++)
                    for (int h = 0; h < SK_HALVES; h++) totals[s][j][h] += widened(part[s][j], h);
        }
        for (int s = 0; s < sides; s++)
            for (int j = 0; j < chunks; j++) part[s][j] = narrowed(totals[s][j]);
    }
    for (int s = 0; s < sides; s++)
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) store_first(y[s] + SK_LANES * j, part[s][j], smaller(k - SK_LANES * j, SK_LANES));
}

// Adds `count` rows from `row` on, each times w and times its product with x, to two chains in turn.
SK_INLINE void add_weighted_rows(
    int chunks, const real *A, int64_t row, int64_t count, int64_t k, int64_t width,
    const vec x[SK_SIDES_MAX][SK_CHUNKS_MAX], const real *w, vec sums[2][SK_CHUNKS_MAX]) {
    octet products[SK_SIDES_MAX];
    _Alignas(64) real scales[8];
    rows_times(chunks, 1, A, row, row + count - 1, k, width, x, products);
    store_octet(scales, products[0]);
    for (int r = 0; r < 8; r++) scales[r] *= r < count ? w[row + r] : 0;
#pragma clang loop unroll(full)
    for (int r = 0; r < 8; r++) {
        if (r >= count) break;
        const vec scale = splat(scales[r]);
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++)
            sums[r & 1][j] = vfma(load_chunk(A + (row + r) * k, j, chunks, width), scale, sums[r & 1][j]);
    }
}

// transpose(A) (w * (A x)) of the rows from `begin` to `end`, eight at a time: while they are in the first cache they are
// multiplied from both sides.
SK_INLINE void sum_of_weighted_rows(
    int chunks, const real *A, int64_t begin, int64_t end, int64_t k, const vec x[SK_SIDES_MAX][SK_CHUNKS_MAX],
    const real *w, vec result[SK_CHUNKS_MAX]) {
    const int64_t width = k - SK_LANES * (chunks - 1);
    vec sums[2][SK_CHUNKS_MAX];
#pragma clang loop unroll(full)
    for (int j = 0; j < chunks; j++) sums[0][j] = sums[1][j] = splat(0);
    int64_t i = begin;
    for (; i + 8 <= end; i += 8) add_weighted_rows(chunks, A, i, 8, k, width, x, w, sums);
    if (i < end) add_weighted_rows(chunks, A, i, end - i, k, width, x, w, sums);
#pragma clang loop unroll(full)
    for (int j = 0; j < chunks; j++) result[j] = sums[0][j] + sums[1][j];
}

SK_INLINE void weighted_gram_times(
    int chunks, int sides, const real *A, int64_t m, int64_t k, const real *const *in, real *const *out) {
    const int64_t width = k - SK_LANES * (chunks - 1);
    vec x[SK_SIDES_MAX][SK_CHUNKS_MAX], part[SK_CHUNKS_MAX];
    wide totals[SK_CHUNKS_MAX][SK_HALVES] = {0};
    (void)sides;
#pragma clang loop unroll(full)
    for (int j = 0; j < chunks; j++) x[0][j] = load_chunk(in[0], j, chunks, width);
    for (int64_t i = 0; i < m; i += smaller(m - i, SK_ROWS_PER_TOTAL)) {
        sum_of_weighted_rows(chunks, A, i, i + smaller(m - i, SK_ROWS_PER_TOTAL), k, x, in[1], part);
        for (int j = 0; j < chunks; j++)
            for (int h = 0; h < SK_HALVES; h++) totals[j][h] += widened(part[j], h);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < chunks; j++)
        store_first(out[0] + SK_LANES * j, narrowed(totals[j]), smaller(k - SK_LANES * j, SK_LANES));
}

// More columns are the caller's mistake: the instances end at SK_GEMV_MAX_COLUMNS.
#define SK_INSTANCE(chunks, KERNEL, sides, m, k, in, out) \
    case chunks: KERNEL(chunks, sides, A, m, k, in, out); return;
#if SK_LANES == 8
#define SK_FURTHER_INSTANCES(...) SK_INSTANCE(3, __VA_ARGS__) SK_INSTANCE(4, __VA_ARGS__)
#else
#define SK_FURTHER_INSTANCES(...)
#endif
#define SK_FOR_CHUNKS(...)                                                                             \
    switch ((k + SK_LANES - 1) / SK_LANES) {                                                           \
    case 0: break;                                                                                     \
    SK_INSTANCE(1, __VA_ARGS__) SK_INSTANCE(2, __VA_ARGS__) SK_FURTHER_INSTANCES(__VA_ARGS__)          \
    default: __builtin_trap();                                                                         \
    }

static void gemv_n(const void *matrix, int64_t m, int64_t k, const void *x, void *y) {
    const real *const A = matrix, *const in[] = {x};
    real *const out[] = {y};
    SK_FOR_CHUNKS(times, 1, m, k, in, out)
    for (int64_t i = 0; i < m; i++) out[0][i] = 0;
}

static void gemv_n2(
    const void *matrix, int64_t m, int64_t k, const void *x0, const void *x1, void *y0, void *y1) {
    const real *const A = matrix, *const in[] = {x0, x1};
    real *const out[] = {y0, y1};
    SK_FOR_CHUNKS(times, 2, m, k, in, out)
    for (int64_t i = 0; i < m; i++) out[0][i] = out[1][i] = 0;
}

static void gemv_t(const void *matrix, int64_t m, int64_t k, const void *c, void *y) {
    const real *const A = matrix, *const in[] = {c};
    real *const out[] = {y};
    SK_FOR_CHUNKS(transposed_times, 1, m, k, in, out)
}

// Every row of the product in whole vectors: what they write too far belongs to the next row, written after it.
static void outer(const void *column, int64_t m, const void *row, int64_t n, void *product) {
    const real *const a = column, *const b = row;
    real *const C = product;
    const int64_t whole = n / SK_LANES * SK_LANES;
    const vec tail = whole < n ? load_first(b + whole, n - whole) : splat(0);
    for (int64_t i = 0; i < m; i++) {
        const vec scale = splat(a[i]);
        real *const at = C + i * n;
        for (int64_t c = 0; c < whole; c += SK_LANES) store(at + c, scale * load(b + c));
        if (whole == n) continue;
        if (i * n + whole + SK_LANES <= m * n)
            store(at + whole, scale * tail);
        else
            store_first(at + whole, scale * tail, n - whole);
    }
}

static void gemv_t2(
    const void *matrix, int64_t m, int64_t k, const void *c0, const void *c1, void *y0, void *y1) {
    const real *const A = matrix, *const in[] = {c0, c1};
    real *const out[] = {y0, y1};
    SK_FOR_CHUNKS(transposed_times, 2, m, k, in, out)
}

static void weighted_gram(const void *matrix, int64_t m, int64_t k, const void *w, const void *x, void *y) {
    const real *const A = matrix, *const in[] = {x, w};
    real *const out[] = {y};
    SK_FOR_CHUNKS(weighted_gram_times, 1, m, k, in, out)
}
