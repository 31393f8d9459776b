// The element type float: vectors of 16 lanes, how they are loaded and stored in part, and the constants of elementary
// functions. Sums accumulate in double. Included once per variant, before everything else.

// Wide vectors are passed only between functions that are always inlined, so no calling convention is at stake.
#pragma clang diagnostic ignored "-Wpsabi"

#define SK_LANES 16

typedef float real;
typedef float vec __attribute__((ext_vector_type(16)));
typedef int ivec __attribute__((ext_vector_type(16)));            // what comparing two vec gives: -1 or 0 per lane
typedef unsigned int uvec __attribute__((ext_vector_type(16)));   // bits, where wrapping is meant
typedef float octet __attribute__((ext_vector_type(8)));          // 8 elements
typedef double wide __attribute__((ext_vector_type(8)));          // 8 doubles, in which sums accumulate

#define SK_IOTA ((ivec){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})

// ---- The format

#define SK_SIGN 0x80000000
#define SK_FRACTION_BITS 23
#define SK_FRACTION 0x007fffff
#define SK_ONE 0x3f800000
#define SK_ROOT_HALF 0x3f3504f3
#define SK_BIAS 127.0f
#define SK_LEAST_NORMAL 0x1p-126f
#define SK_FRACTION_SCALE 0x1p23f
#define SK_FRACTION_SCALE_BITS 0x4b000000
// Adding and subtracting it rounds to an integer, which stands in the sum's low bits meanwhile.
#define SK_ROUNDER 0x1.8p23f
// A power of two that makes denormals normal.
#define SK_LIFT 25.0f
#define SK_LIFT_SCALE 0x1p25f

// ---- Exponentials and logarithms

// Beyond these bounds exp is 0 or infinite, and expm1 is -1.
#define SK_EXP_LEAST -105.0f
#define SK_EXP_GREATEST 89.0f
#define SK_EXPM1_LEAST -20.0f
#define SK_LOG2_E 0x1.715476p+0f
// ln 2 in two parts; the first has 14 bits, so that its product with any exponent is exact.
#define SK_LN2_HIGH 0x1.62e4p-1f
#define SK_LN2_LOW 0x1.7f7d1cp-20f

// (e^r - 1 - r) / r^2, a polynomial through Chebyshev nodes on |r| <= 0.3467, relative error 2^-32 of e^r.
#define SK_EXP_QUOTIENT {0x1.a12516p-13f, 0x1.6d434ep-10f, 0x1.1110e0p-7f, 0x1.5554e8p-5f, 0x1.555556p-3f, 0.5f}

// Lg4 ... Lg1 of fdlibm's e_logf.c.
#define SK_LOG_SERIES {0xf89e26.0p-26f, 0x91e9ee.0p-25f, 0xccce13.0p-25f, 0xaaaaaa.0p-24f}

// ---- The error function

// erf(x) / x - 1 as a polynomial in x^2 on |x| <= 3 / 4, error 2^-29.
#define SK_ERF_QUOTIENT \
    {-0x1.623bfp-11f, 0x1.4f3d08p-8f, -0x1.b7aaap-6f, 0x1.ce2ae2p-4f, \
     -0x1.81273ap-2f, 0x1.06eba8p-3f}

// erf(x) - SK_ERF_MIDDLE as a polynomial in x - 9 / 8 on 3 / 4 <= x <= 3 / 2, error 2^-28.
#define SK_ERF_MIDDLE 0.88671875
#define SK_ERF_OFFSET \
    {-0x1.73f62p-8f, 0x1.36b22cp-7f, 0x1.fbe468p-7f, -0x1.f640ap-5f, \
     0x1.ca5696p-6f, 0x1.4cb388p-3f, -0x1.6ea6dp-2f, 0x1.45e99cp-2f, \
     0x1.b5a506p-10f}

// erfc(x) e^(x^2) as a polynomial in (9 - 3 x) / (x + 3) on 3 / 2 <= x <= 6, error 2^-27.
#define SK_ERFC_SCALED \
    {0x1.7e782cp-18f, 0x1.a2a19ap-14f, 0x1.cfe96cp-11f, 0x1.6c639ap-8f, \
     0x1.bf1bap-6f, 0x1.bd6adcp-4f, 0x1.6e9828p-3f}

// ---- Memory

#define SK_INLINE static inline __attribute__((always_inline))

typedef vec vec_unaligned __attribute__((aligned(4), may_alias));
typedef octet octet_unaligned __attribute__((aligned(4), may_alias));

SK_INLINE vec load(const real *p) { return *(const vec_unaligned *)p; }
SK_INLINE void store(real *p, vec x) { *(vec_unaligned *)p = x; }

// The lanes below n.
SK_INLINE ivec first(int64_t n) { return SK_IOTA < (ivec)(int)n; }

// The first n <= 16 elements at p, zeros above; reads nothing else.
SK_INLINE vec load_first(const real *p, int64_t n) {
#if defined(SK_TARGET_V4)
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(SK_TARGET_V3)
    const ivec mask = first(n);
    const __m256 low = _mm256_maskload_ps(p, (__m256i)mask.lo), high = _mm256_maskload_ps(p + 8, (__m256i)mask.hi);
    return (vec)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    vec x = (vec)0.0f;
    for (int64_t i = 0; i < n; i++) x[i] = p[i];
    return x;
#endif
}

// Writes the first n <= 16 lanes and nothing else.
SK_INLINE void store_first(real *p, vec x, int64_t n) {
#if defined(SK_TARGET_V4)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#elif defined(SK_TARGET_V3)
    const ivec mask = first(n);
    _mm256_maskstore_ps(p, (__m256i)mask.lo, (__m256)x.lo);
    _mm256_maskstore_ps(p + 8, (__m256i)mask.hi, (__m256)x.hi);
#else
    for (int64_t i = 0; i < n; i++) p[i] = x[i];
#endif
}

SK_INLINE octet load_octet(const real *p) { return *(const octet_unaligned *)p; }
SK_INLINE void store_octet(real *p, octet x) { *(octet_unaligned *)p = x; }

SK_INLINE void store_octet_first(real *p, octet x, int64_t n) {
#if defined(SK_TARGET_V3) || defined(SK_TARGET_V4)
    _mm256_maskstore_ps(p, (__m256i)first(n).lo, (__m256)x);
#else
    for (int64_t i = 0; i < n; i++) p[i] = x[i];
#endif
}

// ---- Across lanes

// Sums of lanes a distance of 8 apart.
SK_INLINE octet fold(vec x) { return x.lo + x.hi; }

// The part `half` of x, of which there are SK_LANES / 8.
SK_INLINE wide widened(vec x, int half) { return __builtin_convertvector(half == 0 ? x.lo : x.hi, wide); }

SK_INLINE vec rotated(vec x, int distance) {
    switch (distance) {
    case 8: return x.s89abcdef01234567;
    case 4: return x.s45670123cdef89ab;
    case 2: return x.s23016745ab89efcd;
    default: return x.s1032547698badcfe;
    }
}

// sum + x, the two halves added first
SK_INLINE wide add_lanes(wide sum, vec x) { return sum + (widened(x, 0) + widened(x, 1)); }
// sum + x y, whose products are exact
SK_INLINE wide add_products(wide sum, vec x, vec y) {
    sum = __builtin_elementwise_fma(widened(x, 0), widened(y, 0), sum);
    return __builtin_elementwise_fma(widened(x, 1), widened(y, 1), sum);
}
