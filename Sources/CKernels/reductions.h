// Reductions of the middle dimension of [outer, middle, inner]. With inner = 1 rows are contiguous and vectors run
// along them; otherwise vectors run across `inner`, one strip of columns or four at a time.

// Rows of one partial sum when vectors run across: error grows with 128 + middle / 128.
enum { SK_ROWS_PER_SUM = 128, SK_STRIPS = 4, SK_STRIP_COLUMNS = SK_STRIPS * SK_LANES };

typedef vec (*combine)(vec a, vec b);

// The extreme of a contiguous row; `identity` for an empty one.
SK_INLINE real extreme_of_row(combine f, real identity, const real *x, int64_t n) {
    vec best[2] = {splat(identity), splat(identity)};
    int64_t i = 0;
    for (; i + 2 * SK_LANES <= n; i += 2 * SK_LANES)
        for (int j = 0; j < 2; j++) best[j] = f(best[j], load(x + i + SK_LANES * j));
    for (; i < n; i += SK_LANES) {
        const int64_t count = smaller(n - i, SK_LANES);
        best[0] = f(best[0], first(count) ? load_first(x + i, count) : splat(identity));
    }
    vec all = f(best[0], best[1]);
    if (SK_LANES > 8) all = f(all, rotated(all, 8));
    all = f(all, rotated(all, 4));
    all = f(all, rotated(all, 2));
    return f(all, rotated(all, 1))[0];
}

static double max_of_row(const real *x, int64_t n) { return extreme_of_row(maximum, -INFINITY, x, n); }
static double min_of_row(const real *x, int64_t n) { return extreme_of_row(minimum, INFINITY, x, n); }

// Strip s of `width` columns from p on. That all strips are `whole` is known when compiling.
SK_INLINE vec load_strip(const real *p, int s, int64_t width, bool whole) {
    const real *at = p + SK_LANES * s;
    return whole ? load(at) : load_first(at, smaller(width - SK_LANES * s, SK_LANES));
}

// The extremes of at most SK_STRIPS strips of columns of [rows, stride].
SK_INLINE void extreme_of_strips(
    combine f, real identity, const real *src, int64_t rows, int64_t stride, int64_t width, bool whole, real *dst) {
    vec acc[SK_STRIPS];
    const int64_t strips = whole ? SK_STRIPS : (width + SK_LANES - 1) / SK_LANES;
    for (int s = 0; s < SK_STRIPS; s++) acc[s] = splat(identity);
    for (int64_t j = 0; j < rows; j++, src += stride)
#pragma clang loop unroll(full)
        for (int s = 0; s < SK_STRIPS; s++) {
            if (s >= strips) break;
            acc[s] = f(acc[s], load_strip(src, s, width, whole));
        }
    for (int s = 0; s < strips; s++)
        store_first(dst + SK_LANES * s, acc[s], smaller(width - SK_LANES * s, SK_LANES));
}

// Adds the sums of some rows to `totals`.
SK_INLINE void add_rows(
    const real *src, int64_t rows, int64_t stride, int64_t width, bool whole, wide totals[SK_STRIPS][SK_HALVES]) {
    wide acc[SK_STRIPS][SK_HALVES];
    const int64_t strips = whole ? SK_STRIPS : (width + SK_LANES - 1) / SK_LANES;
    for (int s = 0; s < SK_STRIPS; s++)
        for (int h = 0; h < SK_HALVES; h++) acc[s][h] = wide_splat(0.0);
    for (int64_t j = 0; j < rows; j++, src += stride)
#pragma clang loop unroll(full)
        for (int s = 0; s < SK_STRIPS; s++) {
            if (s >= strips) break;
            const vec x = load_strip(src, s, width, whole);
#pragma clang loop unroll(full)
            for (int h = 0; h < SK_HALVES; h++) acc[s][h] += widened(x, h);
        }
    for (int s = 0; s < strips; s++)
        for (int h = 0; h < SK_HALVES; h++) totals[s][h] += acc[s][h];
}

// One [middle, inner] matrix into dst[inner].
static void sum_columns(const real *src, real *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += SK_STRIP_COLUMNS) {
        const int64_t width = smaller(inner - i, SK_STRIP_COLUMNS);
        wide totals[SK_STRIPS][SK_HALVES] = {0};
        for (int64_t j = 0; j < middle; j += SK_ROWS_PER_SUM) {
            const real *const at = src + j * inner + i;
            const int64_t rows = smaller(middle - j, SK_ROWS_PER_SUM);
            if (width == SK_STRIP_COLUMNS)
                add_rows(at, rows, inner, width, true, totals);
            else
                add_rows(at, rows, inner, width, false, totals);
        }
        for (int s = 0; s * SK_LANES < width; s++)
            store_first(dst + i + SK_LANES * s, narrowed(totals[s]), smaller(width - SK_LANES * s, SK_LANES));
    }
}

SK_INLINE void extreme_columns(
    combine f, real identity, const real *src, real *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += SK_STRIP_COLUMNS) {
        const int64_t width = smaller(inner - i, SK_STRIP_COLUMNS);
        if (width == SK_STRIP_COLUMNS)
            extreme_of_strips(f, identity, src + i, middle, inner, width, true, dst + i);
        else
            extreme_of_strips(f, identity, src + i, middle, inner, width, false, dst + i);
    }
}

static void max_columns(const real *src, real *dst, int64_t middle, int64_t inner) {
    extreme_columns(maximum, -INFINITY, src, dst, middle, inner);
}
static void min_columns(const real *src, real *dst, int64_t middle, int64_t inner) {
    extreme_columns(minimum, INFINITY, src, dst, middle, inner);
}

static void reduce(
    int32_t kind, const void *source, void *destination, int64_t outer, int64_t middle, int64_t inner) {
    static double (*const rows[])(const real *, int64_t) = {sum_of, max_of_row, min_of_row};
    static void (*const columns[])(const real *, real *, int64_t, int64_t) = {sum_columns, max_columns, min_columns};
    if (kind < SK_REDUCE_SUM || kind > SK_REDUCE_MIN) __builtin_trap();  // no such reduction
    const real *src = source;
    real *dst = destination;
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += inner) {
        if (inner == 1)
            *dst = (real)rows[kind](src, middle);
        else
            columns[kind](src, dst, middle, inner);
    }
}

// The maximum where it is finite; otherwise nothing is subtracted, and infinities and NaN speak for themselves.
SK_INLINE vec finite_or_zero(vec x) { return (ivec)(absolute(x) < INFINITY) ? x : splat(0); }

SK_INLINE vec max_of_strip(const real *src, int64_t middle, int64_t inner, int64_t width) {
    vec best = splat(-INFINITY);
    for (int64_t j = 0; j < middle; j++) best = maximum(best, load_first(src + j * inner, width));
    return best;
}

// Contiguous rows, a vector of them per logarithm.
static void logsumexp_rows(const real *src, real *dst, int64_t rows, int64_t middle) {
    for (int64_t r = 0; r < rows; r += SK_LANES) {
        const int64_t count = smaller(rows - r, SK_LANES);
        real shifts[SK_LANES] = {0}, totals[SK_LANES] = {0};
        for (int64_t i = 0; i < count; i++, src += middle) {
            const vec shift = finite_or_zero(splat((real)max_of_row(src, middle)));
            shifts[i] = shift[0];
            totals[i] = (real)sum_terms(add_exponential, src, src, shift, middle);
        }
        store_first(dst + r, load(shifts) + vlog(load(totals)), count);
    }
}

SK_INLINE void add_to_halves(wide total[SK_HALVES], vec x) {
#pragma clang loop unroll(full)
    for (int h = 0; h < SK_HALVES; h++) total[h] += widened(x, h);
}

static void logsumexp_columns(const real *src, real *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += SK_LANES) {
        const int64_t width = smaller(inner - i, SK_LANES);
        const vec shift = finite_or_zero(max_of_strip(src + i, middle, inner, width));
        wide total[SK_HALVES] = {0};
        for (int64_t j = 0; j < middle; j++)
            add_to_halves(total, vexp(load_first(src + j * inner + i, width) - shift));
        store_first(dst + i, shift + vlog(narrowed(total)), width);
    }
}

// Rows up to this length are transposed, a vector of rows at a time, so that no lane is idle and nothing is added or
// compared across lanes.
enum { SK_SHORT_ROW = 32 };

// The transpose of `count` rows from src on, one in every lane; lanes past them repeat the first row.
SK_INLINE void lay_rows(const real *src, int64_t count, int64_t middle, real *across) {
    lay_transpose(src, count, middle, middle, across, SK_LANES);
    for (int64_t j = 0; j < middle; j++)
        for (int64_t lane = count; lane < SK_LANES; lane++) across[j * SK_LANES + lane] = across[j * SK_LANES];
}

static void logsumexp_short_rows(const real *src, real *dst, int64_t rows, int64_t middle) {
    _Alignas(64) real across[SK_SHORT_ROW * SK_LANES], results[SK_LANES];
    for (int64_t r = 0; r < rows; r += SK_LANES) {
        const int64_t count = smaller(rows - r, SK_LANES);
        lay_rows(src + r * middle, count, middle, across);
        logsumexp_columns(across, results, middle, SK_LANES);
        store_first(dst + r, load(results), count);
    }
}

static void logsumexp(const void *source, void *destination, int64_t outer, int64_t middle, int64_t inner) {
    const real *src = source;
    real *dst = destination;
    if (inner == 1) {
        if (middle <= SK_SHORT_ROW)
            logsumexp_short_rows(src, dst, outer, middle);
        else
            logsumexp_rows(src, dst, outer, middle);
        return;
    }
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += inner)
        logsumexp_columns(src, dst, middle, inner);
}

static void softmax_row(const real *src, real *dst, int64_t middle) {
    const vec shift = splat((real)max_of_row(src, middle));
    for (int64_t j = 0; j < middle; j += SK_LANES) {
        const int64_t count = smaller(middle - j, SK_LANES);
        store_first(dst + j, vexp(load_first(src + j, count) - shift), count);
    }
    const vec total = splat((real)sum_of(dst, middle));
    for (int64_t j = 0; j < middle; j += SK_LANES) {
        const int64_t count = smaller(middle - j, SK_LANES);
        store_first(dst + j, load_first(dst + j, count) / total, count);
    }
}

static void softmax_columns(const real *src, real *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += SK_LANES) {
        const int64_t width = smaller(inner - i, SK_LANES);
        const vec shift = max_of_strip(src + i, middle, inner, width);
        wide sums[SK_HALVES] = {0};
        for (int64_t j = 0; j < middle; j++) {
            const vec e = vexp(load_first(src + j * inner + i, width) - shift);
            store_first(dst + j * inner + i, e, width);
            add_to_halves(sums, e);
        }
        const vec total = narrowed(sums);
        for (int64_t j = 0; j < middle; j++) {
            real *at = dst + j * inner + i;
            store_first(at, load_first(at, width) / total, width);
        }
    }
}

static void softmax_short_rows(const real *src, real *dst, int64_t rows, int64_t middle) {
    _Alignas(64) real across[SK_SHORT_ROW * SK_LANES];
    for (int64_t r = 0; r < rows; r += SK_LANES) {
        const int64_t count = smaller(rows - r, SK_LANES);
        lay_rows(src + r * middle, count, middle, across);
        softmax_columns(across, across, middle, SK_LANES);
        lay_transpose(across, middle, count, SK_LANES, dst + r * middle, middle);
    }
}

static void softmax(const void *source, void *destination, int64_t outer, int64_t middle, int64_t inner) {
    const real *src = source;
    real *dst = destination;
    if (inner == 1 && middle <= SK_SHORT_ROW) {
        softmax_short_rows(src, dst, outer, middle);
        return;
    }
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += middle * inner) {
        if (inner == 1)
            softmax_row(src, dst, middle);
        else
            softmax_columns(src, dst, middle, inner);
    }
}
