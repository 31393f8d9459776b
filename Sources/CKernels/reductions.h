// Reductions of the middle dimension of [outer, middle, inner]. With inner = 1 rows are contiguous and vectors run
// along them; otherwise vectors run across `inner`, 8 columns (a strip) or 32 at a time.

// Rows of one partial sum when vectors run across: error grows with 128 + middle / 128.
enum { SK_ROWS_PER_SUM = 128, SK_STRIPS = 4 };

typedef v8 (*combine)(v8 a, v8 b);

SK_INLINE v8 plus(v8 a, v8 b) { return a + b; }

// The extreme of a contiguous row; `identity` for an empty one.
SK_INLINE double extreme_of_row(combine f, double identity, const double *x, int64_t n) {
    v8 best[2] = {splat(identity), splat(identity)};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 2; j++) best[j] = f(best[j], load(x + i + 8 * j));
    for (; i < n; i += 8) {
        const int64_t count = smaller(n - i, 8);
        best[0] = f(best[0], first(count) ? load_first(x + i, count) : splat(identity));
    }
    v8 all = f(best[0], best[1]);
    all = f(all, all.s45670123);
    all = f(all, all.s23016745);
    return f(all, all.s10325476)[0];
}

static double max_of_row(const double *x, int64_t n) { return extreme_of_row(maximum, -INFINITY, x, n); }
static double min_of_row(const double *x, int64_t n) { return extreme_of_row(minimum, INFINITY, x, n); }

// Reduces `rows` rows of at most 32 columns, `stride` apart, and combines the result with dst, unless this `begins` it.
SK_INLINE void fold_rows(
    combine f, v8 identity, const double *src, int64_t rows, int64_t stride, int64_t width, double *dst, bool begins) {
    v8 acc[SK_STRIPS];
    const int64_t strips = (width + 7) / 8;
    for (int s = 0; s < SK_STRIPS; s++) acc[s] = identity;
    if (strips == SK_STRIPS && width % 8 == 0)
        for (int64_t j = 0; j < rows; j++, src += stride)
            for (int s = 0; s < SK_STRIPS; s++) acc[s] = f(acc[s], load(src + 8 * s));
    else
        for (int64_t j = 0; j < rows; j++, src += stride)
#pragma clang loop unroll(full)
            for (int s = 0; s < SK_STRIPS; s++) {
                if (s >= strips) break;
                acc[s] = f(acc[s], load_first(src + 8 * s, smaller(width - 8 * s, 8)));
            }
#pragma clang loop unroll(full)
    for (int s = 0; s < SK_STRIPS; s++) {
        if (s >= strips) break;
        const int64_t count = smaller(width - 8 * s, 8);
        const v8 before = begins ? identity : load_first(dst + 8 * s, count);
        store_first(dst + 8 * s, f(before, acc[s]), count);
    }
}

// One [middle, inner] matrix into dst[inner].
SK_INLINE void reduce_columns(
    combine f, double identity, const double *src, double *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += 8 * SK_STRIPS) {
        const int64_t width = smaller(inner - i, 8 * SK_STRIPS);
        int64_t j = 0;
        do {
            const int64_t rows = smaller(middle - j, SK_ROWS_PER_SUM);
            fold_rows(f, splat(identity), src + j * inner + i, rows, inner, width, dst + i, j == 0);
            j += SK_ROWS_PER_SUM;
        } while (j < middle);
    }
}

static void sum_columns(const double *src, double *dst, int64_t middle, int64_t inner) {
    reduce_columns(plus, 0.0, src, dst, middle, inner);
}
static void max_columns(const double *src, double *dst, int64_t middle, int64_t inner) {
    reduce_columns(maximum, -INFINITY, src, dst, middle, inner);
}
static void min_columns(const double *src, double *dst, int64_t middle, int64_t inner) {
    reduce_columns(minimum, INFINITY, src, dst, middle, inner);
}

static void reduce(int32_t kind, const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner) {
    static double (*const rows[])(const double *, int64_t) = {sum, max_of_row, min_of_row};
    static void (*const columns[])(const double *, double *, int64_t, int64_t) = {
        sum_columns, max_columns, min_columns};
    if (kind < SK_REDUCE_SUM || kind > SK_REDUCE_MIN) __builtin_trap();  // no such reduction
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += inner) {
        if (inner == 1)
            *dst = rows[kind](src, middle);
        else
            columns[kind](src, dst, middle, inner);
    }
}

// The maximum where it is finite; otherwise nothing is subtracted, and infinities and NaN speak for themselves.
SK_INLINE v8 finite_or_zero(v8 x) { return (v8i)(absolute(x) < INFINITY) ? x : splat(0.0); }

SK_INLINE v8 max_of_strip(const double *src, int64_t middle, int64_t inner, int64_t width) {
    v8 best = splat(-INFINITY);
    for (int64_t j = 0; j < middle; j++) best = maximum(best, load_first(src + j * inner, width));
    return best;
}

// Contiguous rows, 8 per logarithm.
static void logsumexp_rows(const double *src, double *dst, int64_t rows, int64_t middle) {
    for (int64_t r = 0; r < rows; r += 8) {
        const int64_t count = smaller(rows - r, 8);
        double shifts[8] = {0}, totals[8] = {0};
        for (int64_t i = 0; i < count; i++, src += middle) {
            const v8 shift = finite_or_zero(splat(max_of_row(src, middle)));
            shifts[i] = shift[0];
            totals[i] = sum_terms(add_exponential, src, src, shift, middle);
        }
        store_first(dst + r, load(shifts) + log8(load(totals)), count);
    }
}

static void logsumexp_columns(const double *src, double *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += 8) {
        const int64_t width = smaller(inner - i, 8);
        const v8 shift = finite_or_zero(max_of_strip(src + i, middle, inner, width));
        v8 total = splat(0.0);
        for (int64_t j = 0; j < middle; j++) total += exp8(load_first(src + j * inner + i, width) - shift);
        store_first(dst + i, shift + log8(total), width);
    }
}

static void logsumexp(const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner) {
    if (inner == 1) {
        logsumexp_rows(src, dst, outer, middle);
        return;
    }
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += inner)
        logsumexp_columns(src, dst, middle, inner);
}

static void softmax_row(const double *src, double *dst, int64_t middle) {
    const v8 shift = splat(max_of_row(src, middle));
    for (int64_t j = 0; j < middle; j += 8) {
        const int64_t count = smaller(middle - j, 8);
        store_first(dst + j, exp8(load_first(src + j, count) - shift), count);
    }
    const v8 total = splat(sum(dst, middle));
    for (int64_t j = 0; j < middle; j += 8) {
        const int64_t count = smaller(middle - j, 8);
        store_first(dst + j, load_first(dst + j, count) / total, count);
    }
}

static void softmax_columns(const double *src, double *dst, int64_t middle, int64_t inner) {
    for (int64_t i = 0; i < inner; i += 8) {
        const int64_t width = smaller(inner - i, 8);
        const v8 shift = max_of_strip(src + i, middle, inner, width);
        v8 total = splat(0.0);
        for (int64_t j = 0; j < middle; j++) {
            const v8 e = exp8(load_first(src + j * inner + i, width) - shift);
            store_first(dst + j * inner + i, e, width);
            total += e;
        }
        for (int64_t j = 0; j < middle; j++) {
            double *at = dst + j * inner + i;
            store_first(at, load_first(at, width) / total, width);
        }
    }
}

static void softmax(const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner) {
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += middle * inner) {
        if (inner == 1)
            softmax_row(src, dst, middle);
        else
            softmax_columns(src, dst, middle, inner);
    }
}
