// Products with sparse matrices stored by rows. On doubles every element of a result is one chain of fused multiply-adds
// in the order of the stored entries (of one column: eight chains, one per lane), whatever the width, the variant, and
// the other elements; so a product by scattering and one by the stored transpose differ in no bit where columns are many.
// Floats are added up in runs of so many entries, and the runs in double.

// Columns of the result that stay in registers while the entries of a row pass by, in vectors of four: rows often begin
// within a cache line, which wider vectors would cross, and widths are rarely multiples of more.
enum { SK_PANEL_COLUMNS = 32, SK_PANEL_QUADS = SK_PANEL_COLUMNS / 4 };

// Entries between asking for a row of the dense factor and using it: rows are far apart, so nothing else foresees them.
enum { SK_SPARSE_AHEAD = 24 };

typedef real quad __attribute__((ext_vector_type(4)));
typedef quad quad_unaligned __attribute__((aligned(sizeof(real)), may_alias));

SK_INLINE quad load_quad(const real *p) { return *(const quad_unaligned *)p; }

// Writes the first n <= 4 lanes and nothing else.
SK_INLINE void store_quad(real *p, quad x, int64_t n) {
    if (n == 4) {
        *(quad_unaligned *)p = x;
        return;
    }
#pragma clang loop unroll(full)
    for (int l = 0; l < 3; l++)
        if (l < n) p[l] = x[l];
}

SK_INLINE void prefetch_row(const real *row, int quads) {
#pragma clang loop unroll(full)
    for (int q = 0; q < quads; q += SK_LANES / 4) __builtin_prefetch(row + 4 * q);
}

#if SK_LANES == 16
typedef double wide_quad __attribute__((ext_vector_type(4)));

// Entries of a run: few enough for the error, and so many that vectors of eight pass by unwidened.
enum { SK_SPARSE_RUN = 16 };

SK_INLINE quad narrow_quad(wide_quad x) { return __builtin_convertvector(x, quad); }

// `width` columns, in `quads` vectors, of rows of C [m, n] = A B. Lanes past the width hold what follows the row; they are
// not stored. Vectors of eight where they fit: fewer loads.
SK_INLINE void sparse_panel(
    int quads, const sk_sparse *A, int64_t m, const real *B, real *C, int64_t n, int64_t width) {
    const real *const values = A->values;
    const int64_t last = A->starts[m] - 1, tail = width - 4 * (quads - 1);
    const int octets = quads / 2, odd = quads % 2;
    for (int64_t i = 0; i < m; i++, C += n) {
        wide sums[SK_PANEL_QUADS / 2];
        wide_quad rest = (wide_quad)0.0;
#pragma clang loop unroll(full)
        for (int o = 0; o < octets; o++) sums[o] = (wide)0.0;
        for (int64_t e = A->starts[i]; e < A->starts[i + 1];) {
            const int64_t end = smaller(e + SK_SPARSE_RUN, A->starts[i + 1]);
            octet run[SK_PANEL_QUADS / 2];
            quad run_rest = (quad)0.0f;
#pragma clang loop unroll(full)
            for (int o = 0; o < octets; o++) run[o] = (octet)0.0f;
            for (; e < end; e++) {
                prefetch_row(B + A->columns[smaller(e + SK_SPARSE_AHEAD, last)] * n, quads);
                const real *const row = B + A->columns[e] * n;
#pragma clang loop unroll(full)
                for (int o = 0; o < octets; o++)
                    run[o] = __builtin_elementwise_fma((octet)values[e], load_octet(row + 8 * o), run[o]);
                if (odd) run_rest = __builtin_elementwise_fma((quad)values[e], load_quad(row + 8 * octets), run_rest);
            }
#pragma clang loop unroll(full)
            for (int o = 0; o < octets; o++) sums[o] += __builtin_convertvector(run[o], wide);
            if (odd) rest += __builtin_convertvector(run_rest, wide_quad);
        }
#pragma clang loop unroll(full)
        for (int o = 0; o < octets; o++) {
            store_quad(C + 8 * o, narrow_quad(sums[o].lo), 4);
            store_quad(C + 8 * o + 4, narrow_quad(sums[o].hi), odd || o < octets - 1 ? 4 : tail);
        }
        if (odd) store_quad(C + 8 * octets, narrow_quad(rest), tail);
    }
}
#else
// `width` columns, in `quads` vectors, of rows of C [m, n] = A B. Lanes past the width hold what follows the row; they are
// not stored.
SK_INLINE void sparse_panel(
    int quads, const sk_sparse *A, int64_t m, const real *B, real *C, int64_t n, int64_t width) {
    const real *const values = A->values;
    const int64_t last = A->starts[m] - 1, tail = width - 4 * (quads - 1);
    for (int64_t i = 0; i < m; i++, C += n) {
        quad sums[SK_PANEL_QUADS];
#pragma clang loop unroll(full)
        for (int q = 0; q < quads; q++) sums[q] = (quad)0.0;
        for (int64_t e = A->starts[i]; e < A->starts[i + 1]; e++) {
            prefetch_row(B + A->columns[smaller(e + SK_SPARSE_AHEAD, last)] * n, quads);
            const real *const row = B + A->columns[e] * n;
            const quad a = (quad)values[e];
#pragma clang loop unroll(full)
            for (int q = 0; q < quads; q++) sums[q] = __builtin_elementwise_fma(a, load_quad(row + 4 * q), sums[q]);
        }
#pragma clang loop unroll(full)
        for (int q = 0; q < quads; q++) store_quad(C + 4 * q, sums[q], q < quads - 1 ? 4 : tail);
    }
}
#endif

// `width` columns of C [., n] += transpose(A) D for the m rows of A, C being zero or a sum so far.
SK_INLINE void scatter_panel(
    int quads, const sk_sparse *A, int64_t m, const real *D, real *C, int64_t n, int64_t width) {
    const real *const values = A->values;
    const int64_t last = A->starts[m] - 1, tail = width - 4 * (quads - 1);
    for (int64_t i = 0; i < m; i++, D += n) {
        quad factors[SK_PANEL_QUADS];
#pragma clang loop unroll(full)
        for (int q = 0; q < quads; q++) factors[q] = load_quad(D + 4 * q);
        for (int64_t e = A->starts[i]; e < A->starts[i + 1]; e++) {
            prefetch_row(C + A->columns[smaller(e + SK_SPARSE_AHEAD, last)] * n, quads);
            real *const row = C + A->columns[e] * n;
            const quad a = (quad)values[e];
#pragma clang loop unroll(full)
            for (int q = 0; q < quads; q++) {
                real *const at = row + 4 * q;
                store_quad(at, __builtin_elementwise_fma(a, factors[q], load_quad(at)), q < quads - 1 ? 4 : tail);
            }
        }
    }
}

static double sparse_row_dot(const real *values, const int32_t *columns, int64_t count, const real *x) {
    wide sum = wide_splat(0.0);
    int64_t e = 0;
    for (; e + 8 <= count; e += 8) {
        wide a, b;
#pragma clang loop unroll(full)
        for (int l = 0; l < 8; l++) a[l] = values[e + l], b[l] = x[columns[e + l]];
        sum = __builtin_elementwise_fma(a, b, sum);
    }
    if (e == count) return sum_lanes(sum);
    wide a = wide_splat(0.0), b = wide_splat(0.0);
    for (int l = 0; l < count - e; l++) a[l] = values[e + l], b[l] = x[columns[e + l]];
    // The lanes past the end add 0 · 0, which leaves their sums, never −0, as they are.
    return sum_lanes(__builtin_elementwise_fma(a, b, sum));
}

#define SK_PANEL(quads, KERNEL, in, out) \
    case quads: KERNEL(quads, A, m, in + j, out + j, n, width); break;
#define SK_FOR_PANEL(KERNEL, in, out)                                                       \
    for (int64_t j = 0; j < n; j += SK_PANEL_COLUMNS) {                                     \
        const int64_t width = smaller(n - j, SK_PANEL_COLUMNS);                             \
        switch ((width + 3) / 4) {                                                          \
            SK_PANEL(1, KERNEL, in, out) SK_PANEL(2, KERNEL, in, out) SK_PANEL(3, KERNEL, in, out) \
            SK_PANEL(4, KERNEL, in, out) SK_PANEL(5, KERNEL, in, out) SK_PANEL(6, KERNEL, in, out) \
            SK_PANEL(7, KERNEL, in, out) SK_PANEL(8, KERNEL, in, out)                       \
        }                                                                                   \
    }

static void sparse_times(const sk_sparse *A, int64_t m, const void *dense, void *result, int64_t n) {
    const real *const B = dense, *const values = A->values;
    real *const C = result;
    if (n == 1) {
        for (int64_t i = 0; i < m; i++) {
            const int64_t start = A->starts[i];
            C[i] = (real)sparse_row_dot(values + start, A->columns + start, A->starts[i + 1] - start, B);
        }
        return;
    }
    SK_FOR_PANEL(sparse_panel, B, C)
}

static void sparse_scatter(
    const sk_sparse *A, int64_t m, const void *dense, void *result, int64_t columns, int64_t n) {
    const real *const D = dense, *const values = A->values;
    real *const C = result;
    for (int64_t i = 0; i < columns * n; i++) C[i] = 0;
    if (n == 1) {
        for (int64_t i = 0; i < m; i++)
            for (int64_t e = A->starts[i]; e < A->starts[i + 1]; e++)
                C[A->columns[e]] = __builtin_elementwise_fma(values[e], D[i], C[A->columns[e]]);
        return;
    }
    SK_FOR_PANEL(scatter_panel, D, C)
}
