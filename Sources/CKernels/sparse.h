// Products with sparse matrices stored by rows. On doubles every element of a result is one chain of fused multiply-adds
// in the order of the stored entries (of one column: eight chains, one per lane), whatever the width, the variant, and
// the other elements; so a product by scattering and one by the stored transpose differ in no bit where columns are many.

// Columns of the result that stay in registers while the entries of a row pass by, and the vectors that hold them.
enum { SK_PANEL_COLUMNS = 32, SK_PANEL_CHUNKS = SK_PANEL_COLUMNS / SK_LANES };

// Entries between asking for a row of the dense factor and using it: rows are far apart, so nothing else foresees them.
enum { SK_SPARSE_AHEAD = 24 };

SK_INLINE void prefetch_row(const real *row, int chunks) {
#pragma clang loop unroll(full)
    for (int j = 0; j < chunks; j++) __builtin_prefetch(row + SK_LANES * j);
}

// Writes the first n <= SK_LANES lanes and nothing else. Masked stores of v3 cost tens of cycles on some processors.
SK_INLINE void store_tail(real *p, vec x, int64_t n) {
#if defined(SK_TARGET_V4)
    store_first(p, x, n);
#else
#pragma clang loop unroll(full)
    for (int l = 0; l < SK_LANES; l++)
        if (l < n) p[l] = x[l];
#endif
}

// `width` columns, in `chunks` vectors, of rows of C [m, n] = A B.
SK_INLINE void sparse_panel(
    int chunks, const sk_sparse *A, int64_t m, const real *B, real *C, int64_t n, int64_t width) {
    const real *const values = A->values;
    const int64_t last = A->starts[m] - 1, tail = width - SK_LANES * (chunks - 1);
    for (int64_t i = 0; i < m; i++, C += n) {
        wide sums[SK_PANEL_CHUNKS][SK_HALVES];
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++)
            for (int h = 0; h < SK_HALVES; h++) sums[j][h] = wide_splat(0.0);
        for (int64_t e = A->starts[i]; e < A->starts[i + 1]; e++) {
            prefetch_row(B + A->columns[smaller(e + SK_SPARSE_AHEAD, last)] * n, chunks);
            const real *const row = B + A->columns[e] * n;
            const wide a = wide_splat(values[e]);
#pragma clang loop unroll(full)
            for (int j = 0; j < chunks; j++) {
                const vec b = load_chunk(row, j, chunks, tail);
#pragma clang loop unroll(full)
                for (int h = 0; h < SK_HALVES; h++)
                    sums[j][h] = __builtin_elementwise_fma(a, widened(b, h), sums[j][h]);
            }
        }
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) {
            if (j < chunks - 1)
                store(C + SK_LANES * j, narrowed(sums[j]));
            else
                store_tail(C + SK_LANES * j, narrowed(sums[j]), tail);
        }
    }
}

// `width` columns of C [., n] += transpose(A) D for the m rows of A, C being zero or a sum so far.
SK_INLINE void scatter_panel(
    int chunks, const sk_sparse *A, int64_t m, const real *D, real *C, int64_t n, int64_t width) {
    const real *const values = A->values;
    const int64_t last = A->starts[m] - 1, tail = width - SK_LANES * (chunks - 1);
    for (int64_t i = 0; i < m; i++, D += n) {
        vec factors[SK_PANEL_CHUNKS];
#pragma clang loop unroll(full)
        for (int j = 0; j < chunks; j++) factors[j] = load_chunk(D, j, chunks, tail);
        for (int64_t e = A->starts[i]; e < A->starts[i + 1]; e++) {
            prefetch_row(C + A->columns[smaller(e + SK_SPARSE_AHEAD, last)] * n, chunks);
            real *const row = C + A->columns[e] * n;
            const vec a = splat(values[e]);
#pragma clang loop unroll(full)
            for (int j = 0; j < chunks; j++) {
                real *const at = row + SK_LANES * j;
                if (j < chunks - 1)
                    store(at, vfma(a, factors[j], load(at)));
                else
                    store_tail(at, vfma(a, factors[j], load_padded(at, tail)), tail);
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

#define SK_FOR_PANEL(KERNEL, in, out)                                                                            \
    for (int64_t j = 0; j < n; j += SK_PANEL_COLUMNS) {                                                          \
        const int64_t width = smaller(n - j, SK_PANEL_COLUMNS);                                                  \
        switch ((width + SK_LANES - 1) / SK_LANES) {                                                             \
        case 1: KERNEL(1, A, m, in + j, out + j, n, width); break;                                               \
        SK_FURTHER_PANELS(KERNEL, in, out)                                                                       \
        default: KERNEL(SK_PANEL_CHUNKS, A, m, in + j, out + j, n, width); break;                                \
        }                                                                                                        \
    }
#if SK_LANES == 8
#define SK_FURTHER_PANELS(KERNEL, in, out)                        \
    case 2: KERNEL(2, A, m, in + j, out + j, n, width); break;    \
    case 3: KERNEL(3, A, m, in + j, out + j, n, width); break;
#else
#define SK_FURTHER_PANELS(KERNEL, in, out)
#endif

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
