// Elementary functions on vectors: tanh within 2 ulp, the others within 1.
// Reductions after Cody and Waite; the logarithm's series and coefficients are those of fdlibm (e_log.c).

// x = n ln 2 + r + low, |r| <= ln 2 / 2.
typedef struct {
    vec n, r, low;
} exp_parts;

// c[0] x^(n - 1) + ... + c[n - 1]
SK_INLINE vec polynomial(const real *c, int n, vec x) {
    vec p = splat(c[0]);
#pragma clang loop unroll(full)
    for (int i = 1; i < n; i++) p = vfma(p, x, splat(c[i]));
    return p;
}

static const real exp_coefficients[] = SK_EXP_QUOTIENT, log_coefficients[] = SK_LOG_SERIES;
#define SK_POLYNOMIAL(c, x) polynomial(c, (int)(sizeof c / sizeof c[0]), x)

SK_INLINE vec exp_quotient(vec r) { return SK_POLYNOMIAL(exp_coefficients, r); }

SK_INLINE exp_parts exp_reduce(vec x) {
    const vec n = vfma(x, splat(SK_LOG2_E), splat(SK_ROUNDER)) - SK_ROUNDER;
    const vec high = vfma(-n, splat(SK_LN2_HIGH), x);  // exact
    const vec r = vfma(-n, splat(SK_LN2_LOW), high);
    return (exp_parts){n, r, vfma(-n, splat(SK_LN2_LOW), high - r)};
}

// 2^n for an integer n among the exponents of normal numbers.
SK_INLINE vec power_of_two(vec n) {
    const uvec bits = (uvec)(n + SK_ROUNDER);
    return (vec)((bits << SK_FRACTION_BITS) + SK_ONE);
}

// y 2^n for y near 1 and n from least denormal to overflow: the first product is exact, so a denormal result is
// rounded once.
SK_INLINE vec scale_by_power(vec y, vec n) {
    const vec half = vfma(n, splat((real)0.5), splat(SK_ROUNDER)) - SK_ROUNDER;
    return y * power_of_two(half) * power_of_two(n - half);
}

// NaN passes both bounds.
SK_INLINE vec clamp(vec x, real low, real high) {
    x = (ivec)(x > high) ? splat(high) : x;
    return (ivec)(x < low) ? splat(low) : x;
}

// A number, and what is lost when it is rounded.
typedef struct {
    vec high, low;
} pair;

// e^x 2^-n, near 1.
SK_INLINE pair exp_significand(exp_parts e) {
    const vec series = vfma(e.r * e.r, exp_quotient(e.r), e.low);
    const vec sum = 1.0 + e.r, rest = series + (e.r - (sum - 1.0));
    const vec high = sum + rest;
    return (pair){high, rest - (high - sum)};
}

SK_INLINE vec vexp(vec x) {
    const exp_parts e = exp_reduce(clamp(x, SK_EXP_LEAST, SK_EXP_GREATEST));
    return scale_by_power(exp_significand(e).high, e.n);
}

// e^-|x|
SK_INLINE pair exp_of_negative(vec x) {
    const exp_parts e = exp_reduce(clamp(-absolute(x), SK_EXP_LEAST, 0.0));
    const pair y = exp_significand(e);
    return (pair){scale_by_power(y.high, e.n), scale_by_power(y.low, e.n)};
}

// (e^x - 1) 2^-n = e^r - 1 + (1 - 2^-n), given 2^-n; what r^2, the bracket and the sum lose to rounding is added back.
SK_INLINE vec expm1_significand(exp_parts e, vec inverse) {
    const vec square = e.r * e.r, square_low = vfma(e.r, e.r, -square);
    const vec lows = vfma(splat((real)0.5), square_low, vfma(e.low, e.r, e.low));
    const vec series = vfma(square, exp_quotient(e.r), lows);
    const vec offset = 1.0 - inverse, offset_low = (1.0 - offset) - inverse;
    const vec sum = offset + e.r, sum_low = e.r - (sum - offset);
    return sum + (series + (sum_low + offset_low));
}

SK_INLINE vec vexpm1(vec x) {
    const exp_parts e = exp_reduce(clamp(x, SK_EXPM1_LEAST, SK_EXP_GREATEST));
    const vec inverse = power_of_two(-clamp(e.n, -60.0, 100.0));
    return with_sign(scale_by_power(expm1_significand(e, inverse), e.n), x);
}

// The same for 0 <= x <= 60, where one power of two scales, and NaN.
SK_INLINE vec expm1_moderate(vec x) {
    const exp_parts e = exp_reduce(x);
    return expm1_significand(e, power_of_two(-e.n)) * power_of_two(e.n);
}

// log(2^k (1 + f)) + correction, for 1 + f in sqrt(1/2) ... sqrt(2) and a correction far below one ulp of 1.
// The sum of a leading part and the rest.
SK_INLINE pair log_series(vec f, vec k, vec correction) {
    const vec s = f / (2.0 + f), z = s * s;
    const vec p = SK_POLYNOMIAL(log_coefficients, z);
    const vec half_square = 0.5 * f * f;
    const vec tail = vfma(k, splat(SK_LN2_LOW), correction) + s * vfma(p, z, half_square);
    const vec base = k * SK_LN2_HIGH;  // exact
    const vec sum = base + f;
    return (pair){sum, (f - (sum - base)) - (half_square - tail)};
}

// x = 2^k m with m in sqrt(1/2) ... sqrt(2), for positive normal x.
SK_INLINE void split_binade(vec x, vec *k, vec *m) {
    const uvec bits = (uvec)x + (SK_ONE - SK_ROOT_HALF);
    *k = (vec)((bits >> SK_FRACTION_BITS) | SK_FRACTION_SCALE_BITS) - (SK_FRACTION_SCALE + SK_BIAS);
    *m = (vec)((bits & SK_FRACTION) + SK_ROOT_HALF);
}

SK_INLINE vec vlog(vec x) {
    const ivec tiny = x < SK_LEAST_NORMAL;
    vec k, m;
    split_binade(tiny ? x * SK_LIFT_SCALE : x, &k, &m);
    k = tiny ? k - SK_LIFT : k;
    const pair y = log_series(m - 1.0, k, splat(0));
    const vec special = (ivec)(x == 0.0) ? splat(-INFINITY) : (ivec)(x == INFINITY) ? x : splat(NAN);
    return (ivec)((x > 0.0) & (x < INFINITY)) ? y.high + y.low : special;
}

// log(1 + x + low) for finite x > -1: the rounding error of 1 + x returns as a correction.
SK_INLINE pair log1p_finite(vec x, vec low) {
    const vec u = 1.0 + x, back = u - 1.0;
    const vec lost = (1.0 - (u - back)) + (x - back);
    vec k, m;
    split_binade(u, &k, &m);
    const ivec near = k == 0.0;
    return log_series(near ? x : m - 1.0, k, ((ivec)near ? low : low + lost) / u);
}

SK_INLINE vec vlog1p(vec x) {
    const pair y = log1p_finite(x, splat(0));
    const vec special = (ivec)(x == -1.0) ? splat(-INFINITY) : (ivec)(x == INFINITY) ? x : splat(NAN);
    const vec signed_zero = (ivec)(x == 0.0) ? x : y.high + y.low;
    return (ivec)((x > -1.0) & (x < INFINITY)) ? signed_zero : special;
}

// numerator / (a + b) for a >= b >= 0, corrected for the rounding of the sum and of the numerator.
SK_INLINE vec divide_by_sum(pair numerator, vec a, pair b) {
    const vec sum = a + b.high, lost = b.high - (sum - a) + b.low;
    const vec inverse = 1.0 / sum, quotient = numerator.high * inverse;
    const vec residual = vfma(-quotient, lost, vfma(-quotient, sum, numerator.high)) + numerator.low;
    return vfma(residual, inverse, quotient);
}

// With t = e^(2|x|) - 1: t / (2 + t) near zero, 1 - 2 / (2 + t) elsewhere, where t may exceed 2 and nothing is lost.
SK_INLINE vec vtanh(vec x) {
    const vec size = absolute(x);
    const vec t = expm1_moderate((ivec)(size > 30.0) ? splat(60) : size + size);
    const ivec large = size > 0.549;
    const vec quotient = divide_by_sum((pair){large ? splat(2) : t, splat(0)}, splat(2), (pair){t, splat(0)});
    return with_sign(large ? 1.0 - quotient : quotient, x);
}

// With e = e^-|x|: 1 / (1 + e) or e / (1 + e).
SK_INLINE vec vsigmoid(vec x) {
    const pair e = exp_of_negative(x);
    const ivec is_positive = x >= 0.0;
    const pair numerator = {is_positive ? splat(1) : e.high, is_positive ? splat(0) : e.low};
    return divide_by_sum(numerator, splat(1), e);
}

// max(x, 0) + log(1 + e^-|x|)
SK_INLINE vec vsoftplus(vec x) {
    const vec base = (ivec)(x > 0.0) ? x : splat(0);
    const pair e = exp_of_negative(x), y = log1p_finite(e.high, e.low);
    const vec sum = base + y.high, second = sum - base;
    const vec lost = (base - (sum - second)) + (y.high - second);
    return (ivec)(x == INFINITY) ? x : sum + (lost + y.low);
}

static const real erf_quotient[] = SK_ERF_QUOTIENT, erf_offset[] = SK_ERF_OFFSET, erfc_scaled[] = SK_ERFC_SCALED;

// x + x p(x^2) up to 3/4, a constant and a small rest up to 3/2, 1 - e^(-x^2) q(x) beyond, which is 1 from 6 on.
SK_INLINE vec verf(vec x) {
    const vec size = absolute(x), tail = clamp(size, 1.5, 6.0), middle = clamp(size, 0.75, 1.5);
    const vec near = vfma(x, SK_POLYNOMIAL(erf_quotient, x * x), x);
    const vec center = SK_ERF_MIDDLE + SK_POLYNOMIAL(erf_offset, middle - 1.125);
    const vec place = vfma(splat(-3), tail, splat(9)) / (tail + 3.0);
    const vec far = 1.0 - vexp(-tail * tail) * SK_POLYNOMIAL(erfc_scaled, place);
    const vec large = (ivec)(size > 1.5) ? far : center;
    return (ivec)(size > 0.75) ? with_sign(large, x) : near;
}

SK_INLINE vec vsign(vec x) {
    const vec s = one_where(x > 0.0) - one_where(x < 0.0);
    return (ivec)(x != x) ? x : s;
}

SK_INLINE vec vrelu(vec x) { return (ivec)(x < 0.0) ? splat(0) : x; }
