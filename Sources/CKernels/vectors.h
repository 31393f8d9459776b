// Vectors of 8 doubles and the few operations on them that C has no name for. Included once per variant.
// The system headers come before, outside the region whose functions the variant's target applies to.

#define SK_INLINE static inline __attribute__((always_inline))

typedef double v8 __attribute__((ext_vector_type(8)));
typedef long v8i __attribute__((ext_vector_type(8)));           // what comparing two v8 gives: -1 or 0 per lane
typedef unsigned long v8u __attribute__((ext_vector_type(8)));  // bits, where wrapping is meant
typedef v8 v8_unaligned __attribute__((aligned(8), may_alias));

SK_INLINE v8 load(const double *p) { return *(const v8_unaligned *)p; }
SK_INLINE void store(double *p, v8 x) { *(v8_unaligned *)p = x; }
SK_INLINE v8 splat(double x) { return (v8)x; }
SK_INLINE v8 fma8(v8 a, v8 b, v8 c) { return __builtin_elementwise_fma(a, b, c); }
SK_INLINE v8 absolute(v8 x) { return (v8)((v8u)x & 0x7fffffffffffffff); }
SK_INLINE v8 keep(v8i mask, v8 x) { return (v8)((v8i)x & mask); }
SK_INLINE v8 one_where(v8i mask) { return keep(mask, splat(1.0)); }

// The magnitude of `x` with the sign of `s`.
SK_INLINE v8 with_sign(v8 x, v8 s) { return (v8)((v8u)absolute(x) | ((v8u)s & 0x8000000000000000)); }

// The lanes below n.
SK_INLINE v8i first(int64_t n) { return (v8i){0, 1, 2, 3, 4, 5, 6, 7} < (v8i)n; }

SK_INLINE v8 maximum(v8 a, v8 b) { return (v8i)((a > b) | (a != a)) ? a : b; }
SK_INLINE v8 minimum(v8 a, v8 b) { return (v8i)((a < b) | (a != a)) ? a : b; }

// The first n <= 8 elements at p, zeros above; reads nothing else.
SK_INLINE v8 load_first(const double *p, int64_t n) {
#if defined(SK_TARGET_V4)
    return (v8)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif defined(SK_TARGET_V3)
    const v8i mask = first(n);
    const __m256d low = _mm256_maskload_pd(p, (__m256i)mask.lo), high = _mm256_maskload_pd(p + 4, (__m256i)mask.hi);
    return (v8)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    v8 x = splat(0.0);
    for (int64_t i = 0; i < n; i++) x[i] = p[i];
    return x;
#endif
}

// The same where whole vectors may be read.
SK_INLINE v8 load_padded(const double *p, int64_t n) {
#if defined(SK_TARGET_V4)
    return load_first(p, n);
#else
    return keep(first(n), load(p));
#endif
}

// Writes the first n <= 8 lanes and nothing else.
SK_INLINE void store_first(double *p, v8 x, int64_t n) {
#if defined(SK_TARGET_V4)
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)x);
#elif defined(SK_TARGET_V3)
    const v8i mask = first(n);
    _mm256_maskstore_pd(p, (__m256i)mask.lo, (__m256d)x.lo);
    _mm256_maskstore_pd(p + 4, (__m256i)mask.hi, (__m256d)x.hi);
#else
    for (int64_t i = 0; i < n; i++) p[i] = x[i];
#endif
}

// Sum, or extreme, of the lanes: halves, quarters, eighths.
SK_INLINE double sum_lanes(v8 x) {
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

SK_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
