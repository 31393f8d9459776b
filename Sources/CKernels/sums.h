// Sums in the one fixed order: blocks of 512 elements; within a block, vector j goes to chain j % 4 and the chains are
// added as (0 + 1) + (2 + 3); block sums are added in order, lane by lane; lanes last. Rounding error grows with
// 16 + n / 512 instead of n.

// Adds a term made of the lanes of x and y that `mask` keeps.
typedef v8 (*sum_step)(v8 sum, v8 x, v8 y, v8 shift, v8i mask);

SK_INLINE v8 add_value(v8 sum, v8 x, v8 y, v8 shift, v8i mask) {
    (void)y, (void)shift;
    return sum + keep(mask, x);
}

SK_INLINE v8 add_product(v8 sum, v8 x, v8 y, v8 shift, v8i mask) {
    (void)shift;
    return fma8(keep(mask, x), keep(mask, y), sum);
}

SK_INLINE v8 add_exponential(v8 sum, v8 x, v8 y, v8 shift, v8i mask) {
    (void)y;
    return sum + keep(mask, exp8(x - shift));
}

// One block: n <= 512 elements at a and b, which advance by step_a and step_b (8 or 0) doubles per vector.
// `padded` says that whole vectors may be read past the end.
SK_INLINE v8 sum_block(
    sum_step step, const double *a, int64_t step_a, const double *b, int64_t step_b, v8 shift, int64_t n,
    bool padded) {
    const v8i all = first(8);
    v8 chain[4] = {splat(0.0), splat(0.0), splat(0.0), splat(0.0)};
    int64_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (int j = 0; j < 4; j++, a += step_a, b += step_b) chain[j] = step(chain[j], load(a), load(b), shift, all);
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
        const int64_t count = smaller(n - i - 8 * j, 8);
        if (count <= 0) continue;
        const double *const at = a + j * step_a, *const bt = b + j * step_b;
        const v8 x = padded ? load(at) : load_first(at, count), y = padded ? load(bt) : load_first(bt, count);
        chain[j] = step(chain[j], x, y, shift, first(count));
    }
    return (chain[0] + chain[1]) + (chain[2] + chain[3]);
}

SK_INLINE double sum_terms(sum_step step, const double *a, const double *b, v8 shift, int64_t n) {
    v8 total = splat(0.0);
    for (int64_t i = 0; i < n; i += SK_BLOCK_LENGTH)
        total += sum_block(step, a + i, 8, b + i, 8, shift, smaller(n - i, SK_BLOCK_LENGTH), false);
    return sum_lanes(total);
}

static double sum(const double *x, int64_t n) { return sum_terms(add_value, x, x, splat(0.0), n); }

static double dot(const double *x, const double *y, int64_t n) {
    return sum_terms(add_product, x, y, splat(0.0), n);
}

static void axpy(double alpha, const double *x, double *y, int64_t n) {
    const v8 factor = splat(alpha);
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) store(y + i, fma8(factor, load(x + i), load(y + i)));
    if (i < n) store_first(y + i, fma8(factor, load_first(x + i, n - i), load_first(y + i, n - i)), n - i);
}

static void scale(double alpha, double *x, int64_t n) {
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) store(x + i, alpha * load(x + i));
    if (i < n) store_first(x + i, alpha * load_first(x + i, n - i), n - i);
}
