// Sums in the one fixed order: blocks of 512 elements; within a block, vector j goes to chain j % 4 and the chains are
// added as (0 + 1) + (2 + 3); block sums are added in order, lane by lane; lanes last. Rounding error grows with
// 16 + n / 512 instead of n. Chains have 8 lanes of double, to which the two halves of a vector of floats are added.

// Adds a term made of the lanes of x and y that `mask` keeps.
typedef wide (*sum_step)(wide sum, vec x, vec y, vec shift, ivec mask);

SK_INLINE wide add_value(wide sum, vec x, vec y, vec shift, ivec mask) {
    (void)y, (void)shift;
    return add_lanes(sum, keep(mask, x));
}

SK_INLINE wide add_product(wide sum, vec x, vec y, vec shift, ivec mask) {
    (void)shift;
    return add_products(sum, keep(mask, x), keep(mask, y));
}

SK_INLINE wide add_exponential(wide sum, vec x, vec y, vec shift, ivec mask) {
    (void)y;
    return add_lanes(sum, keep(mask, vexp(x - shift)));
}

// One block: n <= 512 elements at a and b, which advance by step_a and step_b elements per vector, whole vectors or
// nothing.
// `padded` says that whole vectors may be read past the end.
SK_INLINE wide sum_block(
    sum_step step, const real *a, int64_t step_a, const real *b, int64_t step_b, vec shift, int64_t n,
    bool padded) {
    const ivec all = first(SK_LANES);
    wide chain[4] = {wide_splat(0.0), wide_splat(0.0), wide_splat(0.0), wide_splat(0.0)};
    int64_t i = 0;
    for (; i + 4 * SK_LANES <= n; i += 4 * SK_LANES)
        for (int j = 0; j < 4; j++, a += step_a, b += step_b) chain[j] = step(chain[j], load(a), load(b), shift, all);
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
        const int64_t count = smaller(n - i - SK_LANES * j, SK_LANES);
        if (count <= 0) continue;
        const real *const at = a + j * step_a, *const bt = b + j * step_b;
        const vec x = padded ? load(at) : load_first(at, count), y = padded ? load(bt) : load_first(bt, count);
        chain[j] = step(chain[j], x, y, shift, first(count));
    }
    return (chain[0] + chain[1]) + (chain[2] + chain[3]);
}

SK_INLINE double sum_terms(sum_step step, const real *a, const real *b, vec shift, int64_t n) {
    wide total = wide_splat(0.0);
    for (int64_t i = 0; i < n; i += SK_BLOCK_LENGTH)
        total += sum_block(step, a + i, SK_LANES, b + i, SK_LANES, shift, smaller(n - i, SK_BLOCK_LENGTH), false);
    return sum_lanes(total);
}

static double sum_of(const real *x, int64_t n) { return sum_terms(add_value, x, x, splat(0), n); }

static double sum(const void *x, int64_t n) { return sum_of(x, n); }

static double dot(const void *x, const void *y, int64_t n) {
    return sum_terms(add_product, x, y, splat(0), n);
}

static void axpy(double alpha, const void *source, void *destination, int64_t n) {
    const vec factor = splat((real)alpha);
    const real *x = source;
    real *y = destination;
    int64_t i = 0;
    for (; i + SK_LANES <= n; i += SK_LANES) store(y + i, vfma(factor, load(x + i), load(y + i)));
    if (i < n) store_first(y + i, vfma(factor, load_first(x + i, n - i), load_first(y + i, n - i)), n - i);
}

static void scale(double alpha, void *destination, int64_t n) {
    const vec factor = splat((real)alpha);
    real *x = destination;
    int64_t i = 0;
    for (; i + SK_LANES <= n; i += SK_LANES) store(x + i, factor * load(x + i));
    if (i < n) store_first(x + i, factor * load_first(x + i, n - i), n - i);
}
