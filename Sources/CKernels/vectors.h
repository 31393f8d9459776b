// The few operations on vectors that C has no name for, for either element type.
// The system headers come before, outside the region whose functions the variant's target applies to.

enum { SK_HALVES = SK_LANES / 8 };

typedef wide wide_unaligned __attribute__((aligned(8), may_alias));

SK_INLINE vec splat(real x) { return (vec)x; }
SK_INLINE wide wide_splat(double x) { return (wide)x; }
SK_INLINE vec vfma(vec a, vec b, vec c) { return __builtin_elementwise_fma(a, b, c); }
SK_INLINE vec absolute(vec x) { return (vec)((uvec)x & ~(uvec)SK_SIGN); }
SK_INLINE vec keep(ivec mask, vec x) { return (vec)((ivec)x & mask); }
SK_INLINE vec one_where(ivec mask) { return keep(mask, splat(1)); }

// The magnitude of `x` with the sign of `s`.
SK_INLINE vec with_sign(vec x, vec s) { return (vec)((uvec)absolute(x) | ((uvec)s & (uvec)SK_SIGN)); }

SK_INLINE vec maximum(vec a, vec b) { return (ivec)((a > b) | (a != a)) ? a : b; }
SK_INLINE vec minimum(vec a, vec b) { return (ivec)((a < b) | (a != a)) ? a : b; }

// The same as `load_first` where whole vectors may be read.
SK_INLINE vec load_padded(const real *p, int64_t n) {
#if defined(SK_TARGET_V4)
    return load_first(p, n);
#else
    return keep(first(n), load(p));
#endif
}

// Sums in memory take as many bytes as a vector.
SK_INLINE wide load_wide(const real *p) { return *(const wide_unaligned *)(const void *)p; }
SK_INLINE void store_wide(real *p, wide x) { *(wide_unaligned *)(void *)p = x; }

// The vector of both parts of a sum, each rounded to an element.
SK_INLINE vec narrowed(const wide x[SK_HALVES]) {
    vec y;
    for (int lane = 0; lane < SK_LANES; lane++) y[lane] = (real)x[lane / 8][lane % 8];
    return y;
}

// Sum of the lanes: halves, quarters, eighths.
SK_INLINE double sum_lanes(wide x) { return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])); }

SK_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
