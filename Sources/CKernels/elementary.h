// Elementary functions on 8 lanes: exp, log and their kin within 1 ulp; tanh, sigmoid, softplus within 2.
// Reductions after Cody and Waite; the logarithm's series and coefficients are those of fdlibm (e_log.c).

#define SK_LOG2_E 0x1.71547652b82fep+0
// ln 2 in two parts; the first has 42 bits, so that its product with any exponent is exact.
#define SK_LN2_HIGH 0x1.62e42fefa3800p-1
#define SK_LN2_LOW 0x1.ef35793c76730p-45
// Adding and subtracting it rounds to an integer, which stands in the sum's low bits meanwhile.
#define SK_ROUNDER 0x1.8p52

// x = n ln 2 + r + low, |r| <= ln 2 / 2.
typedef struct {
    v8 n, r, low;
} exp_parts;

// (e^r - 1 - r) / r^2, a polynomial through Chebyshev nodes on |r| <= 0.3467, relative error 2^-61 of e^r.
SK_INLINE v8 exp_quotient(v8 r) {
    v8 p = splat(0x1.1f731ea5352cap-29);
    p = fma8(p, r, splat(0x1.af4e196027428p-26));
    p = fma8(p, r, splat(0x1.27e4db57442fbp-22));
    p = fma8(p, r, splat(0x1.71de021a90822p-19));
    p = fma8(p, r, splat(0x1.a01a01a6dcaffp-16));
    p = fma8(p, r, splat(0x1.a01a01abef415p-13));
    p = fma8(p, r, splat(0x1.6c16c16c162ccp-10));
    p = fma8(p, r, splat(0x1.11111111100cep-7));
    p = fma8(p, r, splat(0x1.5555555555556p-5));
    p = fma8(p, r, splat(0x1.5555555555557p-3));
    return fma8(p, r, splat(0.5));
}

SK_INLINE exp_parts exp_reduce(v8 x) {
    const v8 n = fma8(x, splat(SK_LOG2_E), splat(SK_ROUNDER)) - SK_ROUNDER;
    const v8 high = fma8(-n, splat(SK_LN2_HIGH), x);  // exact
    const v8 r = fma8(-n, splat(SK_LN2_LOW), high);
    return (exp_parts){n, r, fma8(-n, splat(SK_LN2_LOW), high - r)};
}

// 2^n for an integer n in -1022 ... 1023.
SK_INLINE v8 power_of_two(v8 n) {
    const v8u bits = (v8u)(n + SK_ROUNDER);
    return (v8)((bits << 52) + 0x3ff0000000000000);
}

// y 2^n for y near 1 and n in -1076 ... 1024: the first product is exact, so a denormal result is rounded once.
SK_INLINE v8 scale_by_power(v8 y, v8 n) {
    const v8 half = fma8(n, splat(0.5), splat(SK_ROUNDER)) - SK_ROUNDER;
    return y * power_of_two(half) * power_of_two(n - half);
}

// NaN passes both bounds.
SK_INLINE v8 clamp(v8 x, double low, double high) {
    x = (v8i)(x > high) ? splat(high) : x;
    return (v8i)(x < low) ? splat(low) : x;
}

SK_INLINE v8 exp8(v8 x) {
    const exp_parts e = exp_reduce(clamp(x, -746.0, 710.0));
    const v8 series = fma8(e.r * e.r, exp_quotient(e.r), e.low);
    const v8 sum = 1.0 + e.r;
    return scale_by_power(sum + (series + (e.r - (sum - 1.0))), e.n);
}

// 2^n (e^r - 1 + (1 - 2^-n)); what r^2, the bracket and the sum lose to rounding is added back.
SK_INLINE v8 expm1_8(v8 x) {
    const exp_parts e = exp_reduce(clamp(x, -40.0, 710.0));
    const v8 square = e.r * e.r, square_low = fma8(e.r, e.r, -square);
    const v8 lows = fma8(splat(0.5), square_low, fma8(e.low, e.r, e.low));
    const v8 series = fma8(square, exp_quotient(e.r), lows);
    const v8 inverse = power_of_two(-clamp(e.n, -60.0, 100.0));
    const v8 offset = 1.0 - inverse, offset_low = (1.0 - offset) - inverse;
    const v8 sum = offset + e.r, sum_low = e.r - (sum - offset);
    return with_sign(scale_by_power(sum + (series + (sum_low + offset_low)), e.n), x);
}

// log(2^k (1 + f)) + correction, for 1 + f in sqrt(1/2) ... sqrt(2) and a correction far below one ulp of 1.
SK_INLINE v8 log_series(v8 f, v8 k, v8 correction) {
    const v8 s = f / (2.0 + f), z = s * s;
    v8 p = splat(1.479819860511658591e-01);
    p = fma8(p, z, splat(1.531383769920937332e-01));
    p = fma8(p, z, splat(1.818357216161805012e-01));
    p = fma8(p, z, splat(2.222219843214978396e-01));
    p = fma8(p, z, splat(2.857142874366239149e-01));
    p = fma8(p, z, splat(3.999999999940941908e-01));
    p = fma8(p, z, splat(6.666666666666735130e-01));
    const v8 half_square = 0.5 * f * f;
    const v8 tail = fma8(k, splat(SK_LN2_LOW), correction) + s * fma8(p, z, half_square);
    const v8 base = k * SK_LN2_HIGH;  // exact
    const v8 sum = base + f;
    return sum + ((f - (sum - base)) - (half_square - tail));
}

// x = 2^k m with m in sqrt(1/2) ... sqrt(2), for positive normal x.
SK_INLINE void split_binade(v8 x, v8 *k, v8 *m) {
    const unsigned long one = 0x3ff0000000000000, root_half = 0x3fe6a09e667f3bcd, fraction = 0x000fffffffffffff;
    const v8u bits = (v8u)x + (one - root_half);
    *k = (v8)((bits >> 52) | 0x4330000000000000) - (0x1p52 + 1023.0);
    *m = (v8)((bits & fraction) + root_half);
}

SK_INLINE v8 log8(v8 x) {
    const v8i tiny = x < 0x1p-1022;
    v8 k, m;
    split_binade(tiny ? x * 0x1p54 : x, &k, &m);
    k = tiny ? k - 54.0 : k;
    const v8 y = log_series(m - 1.0, k, splat(0.0));
    const v8 special = (v8i)(x == 0.0) ? splat(-INFINITY) : (v8i)(x == INFINITY) ? x : splat(NAN);
    return (v8i)((x > 0.0) & (x < INFINITY)) ? y : special;
}

// log(1 + x) for finite x > -1: the rounding error of 1 + x returns as a correction.
SK_INLINE v8 log1p_finite(v8 x) {
    const v8 u = 1.0 + x, back = u - 1.0;
    const v8 lost = (1.0 - (u - back)) + (x - back);
    v8 k, m;
    split_binade(u, &k, &m);
    const v8i near = k == 0.0;
    return log_series(near ? x : m - 1.0, k, near ? splat(0.0) : lost / u);
}

SK_INLINE v8 log1p_8(v8 x) {
    const v8 y = log1p_finite(x);
    const v8 special = (v8i)(x == -1.0) ? splat(-INFINITY) : (v8i)(x == INFINITY) ? x : splat(NAN);
    const v8 signed_zero = (v8i)(x == 0.0) ? x : y;
    return (v8i)((x > -1.0) & (x < INFINITY)) ? signed_zero : special;
}

// numerator / (a + b) for a >= b >= 0, corrected for the rounding of the sum.
SK_INLINE v8 divide_by_sum(v8 numerator, v8 a, v8 b) {
    const v8 sum = a + b, lost = b - (sum - a);
    const v8 inverse = 1.0 / sum, quotient = numerator * inverse;
    const v8 residual = fma8(-quotient, lost, fma8(-quotient, sum, numerator));
    return fma8(residual, inverse, quotient);
}

// With t = e^(2|x|) - 1: t / (2 + t) near zero, 1 - 2 / (2 + t) elsewhere, where t may exceed 2 and nothing is lost.
SK_INLINE v8 tanh8(v8 x) {
    const v8 size = absolute(x);
    const v8 t = expm1_8(clamp(size + size, 0.0, 60.0));
    const v8i large = size > 0.549;
    const v8 quotient = divide_by_sum(large ? splat(2.0) : t, splat(2.0), t);
    return with_sign(large ? 1.0 - quotient : quotient, x);
}

// With e = e^-|x|: 1 / (1 + e) or e / (1 + e).
SK_INLINE v8 sigmoid8(v8 x) {
    const v8 e = exp8(-absolute(x));
    return divide_by_sum((v8i)(x >= 0.0) ? splat(1.0) : e, splat(1.0), e);
}

// max(x, 0) + log(1 + e^-|x|)
SK_INLINE v8 softplus8(v8 x) {
    const v8 base = (v8i)(x > 0.0) ? x : splat(0.0);
    return base + log1p_finite(exp8(-absolute(x)));
}

SK_INLINE v8 sign8(v8 x) {
    const v8 s = one_where(x > 0.0) - one_where(x < 0.0);
    return (v8i)(x != x) ? x : s;
}

SK_INLINE v8 relu8(v8 x) { return (v8i)(x < 0.0) ? splat(0.0) : x; }
