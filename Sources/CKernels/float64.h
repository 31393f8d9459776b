// The element type double: vectors of 8 lanes, how they are loaded and stored in part, and the constants of elementary
// functions. Included once per variant, before everything else.

// Wide vectors are passed only between functions that are always inlined, so no calling convention is at stake.
#pragma clang diagnostic ignored "-Wpsabi"

#define SK_LANES 8

typedef double real;
typedef double vec __attribute__((ext_vector_type(8)));
typedef long ivec __attribute__((ext_vector_type(8)));           // what comparing two vec gives: -1 or 0 per lane
typedef unsigned long uvec __attribute__((ext_vector_type(8)));  // bits, where wrapping is meant
typedef vec octet;                                               // 8 elements
typedef vec wide;                                                // 8 doubles, in which sums accumulate

#define SK_IOTA ((ivec){0, 1, 2, 3, 4, 5, 6, 7})

// ---- The format

#define SK_SIGN 0x8000000000000000
#define SK_FRACTION_BITS 52
#define SK_FRACTION 0x000fffffffffffff
#define SK_ONE 0x3ff0000000000000
#define SK_ROOT_HALF 0x3fe6a09e667f3bcd
#define SK_BIAS 1023.0
#define SK_LEAST_NORMAL 0x1p-1022
#define SK_FRACTION_SCALE 0x1p52
#define SK_FRACTION_SCALE_BITS 0x4330000000000000
// Adding and subtracting it rounds to an integer, which stands in the sum's low bits meanwhile.
#define SK_ROUNDER 0x1.8p52
// A power of two that makes denormals normal.
#define SK_LIFT 54.0
#define SK_LIFT_SCALE 0x1p54

// ---- Exponentials and logarithms

// Beyond these bounds exp is 0 or infinite, and expm1 is -1.
#define SK_EXP_LEAST -746.0
#define SK_EXP_GREATEST 710.0
#define SK_EXPM1_LEAST -40.0
#define SK_LOG2_E 0x1.71547652b82fep+0
// ln 2 in two parts; the first has 42 bits, so that its product with any exponent is exact.
#define SK_LN2_HIGH 0x1.62e42fefa3800p-1
#define SK_LN2_LOW 0x1.ef35793c76730p-45

// (e^r - 1 - r) / r^2, a polynomial through Chebyshev nodes on |r| <= 0.3467, relative error 2^-61 of e^r.
#define SK_EXP_QUOTIENT                                                                                      \
    {0x1.1f731ea5352cap-29, 0x1.af4e196027428p-26, 0x1.27e4db57442fbp-22, 0x1.71de021a90822p-19,             \
     0x1.a01a01a6dcaffp-16, 0x1.a01a01abef415p-13, 0x1.6c16c16c162ccp-10, 0x1.11111111100cep-7,              \
     0x1.5555555555556p-5,  0x1.5555555555557p-3,  0.5}

// Lg7 ... Lg1 of fdlibm's e_log.c.
#define SK_LOG_SERIES                                                                                        \
    {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01, \
     2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01}

// ---- The error function

// erf(x) / x - 1 as a polynomial in x^2 on |x| <= 3 / 4, error 2^-66.
#define SK_ERF_QUOTIENT \
    {-0x1.05364c48fa2d3p-30, 0x1.ef41d2b29a3a8p-27, -0x1.5ec0e0bec99f7p-23, 0x1.b9dae461077e7p-20, \
     -0x1.f4d1d6286861cp-17, 0x1.f9a32306e0932p-14, -0x1.c02db3ec9fd99p-11, 0x1.565bcd0e2c679p-8, \
     -0x1.b82ce31287ce6p-6, 0x1.ce2f21a042bc6p-4, -0x1.812746b0379e7p-2, 0x1.06eba8214db69p-3}

// erf(x) - SK_ERF_MIDDLE as a polynomial in x - 9 / 8 on 3 / 4 <= x <= 3 / 2, error 2^-60.
#define SK_ERF_MIDDLE 0.88671875
#define SK_ERF_OFFSET \
    {-0x1.cd9c4a0732d12p-23, -0x1.e4cc7a925de3p-18, 0x1.681478e56cc78p-17, 0x1.9dd424821fccfp-15, \
     -0x1.28df729845de8p-13, -0x1.73116d0ca45eep-13, 0x1.2e527852e49f3p-10, -0x1.79b09ed3380d9p-12, \
     -0x1.8b43c4449a171p-8, 0x1.3acc785d9a7f3p-7, 0x1.fd1c6c11fd4b8p-7, -0x1.f65d15f1f6f38p-5, \
     0x1.ca5083167a105p-6, 0x1.4cb3cf0aa0d3p-3, -0x1.6ea6cf452e838p-2, 0x1.45e99bcbb7915p-2, \
     0x1.b5a5053d8c3cbp-10}

// erfc(x) e^(x^2) as a polynomial in (9 - 3 x) / (x + 3) on 3 / 2 <= x <= 6, error 2^-54.
#define SK_ERFC_SCALED \
    {-0x1.62917d5c53fbcp-40, -0x1.f152fa30bc9fdp-37, 0x1.3ede5bc6a4c1fp-34, 0x1.29dc8fe03b8ccp-30, \
     -0x1.3bfde240c54c5p-29, -0x1.86d881e6cb12dp-24, -0x1.5b7aacb41f918p-22, 0x1.88fff4d62021ep-18, \
     0x1.a506e884d8f4dp-14, 0x1.cfdeefb4b47ap-11, 0x1.6c5ecbc5f749ep-8, 0x1.bf1baae4768adp-6, \
     0x1.bd6ae4d14b16fp-4, 0x1.6e9827d229d2ep-3}

// ---- Memory

#define SK_INLINE static inline __attribute__((always_inline))

typedef vec vec_unaligned __attribute__((aligned(8), may_alias));

SK_INLINE vec load(const real *p) { return *(const vec_unaligned *)p; }
SK_INLINE void store(real *p, vec x) { *(vec_unaligned *)p = x; }

// The lanes below n.
SK_INLINE ivec first(int64_t n) { return SK_IOTA < (ivec)n; }

// The first n <= 8 elements at p, zeros above; reads nothing else.
SK_INLINE vec load_first(const real *p, int64_t n) {
#if defined(SK_TARGET_V4)
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif defined(SK_TARGET_V3)
    const ivec mask = first(n);
    const __m256d low = _mm256_maskload_pd(p, (__m256i)mask.lo), high = _mm256_maskload_pd(p + 4, (__m256i)mask.hi);
    return (vec)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    vec x = (vec)0.0;
    for (int64_t i = 0; i < n; i++) x[i] = p[i];
    return x;
#endif
}

// Writes the first n <= 8 lanes and nothing else.
SK_INLINE void store_first(real *p, vec x, int64_t n) {
#if defined(SK_TARGET_V4)
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)x);
#elif defined(SK_TARGET_V3)
    const ivec mask = first(n);
    _mm256_maskstore_pd(p, (__m256i)mask.lo, (__m256d)x.lo);
    _mm256_maskstore_pd(p + 4, (__m256i)mask.hi, (__m256d)x.hi);
#else
    for (int64_t i = 0; i < n; i++) p[i] = x[i];
#endif
}

SK_INLINE octet load_octet(const real *p) { return load(p); }
SK_INLINE void store_octet(real *p, octet x) { store(p, x); }
SK_INLINE void store_octet_first(real *p, octet x, int64_t n) { store_first(p, x, n); }

// ---- Across lanes

// Sums of lanes a distance of 8 apart.
SK_INLINE octet fold(vec x) { return x; }

// The part `half` of x, of which there are SK_LANES / 8.
SK_INLINE wide widened(vec x, int half) {
    (void)half;
    return x;
}

SK_INLINE vec rotated(vec x, int distance) {
    switch (distance) {
    case 4: return x.s45670123;
    case 2: return x.s23016745;
    default: return x.s10325476;
    }
}

// sum + x
SK_INLINE wide add_lanes(wide sum, vec x) { return sum + x; }
// sum + x y, rounded once
SK_INLINE wide add_products(wide sum, vec x, vec y) { return __builtin_elementwise_fma(x, y, sum); }
