// One iteration of SOBA by hand, for the target and the element type of the including file. The kernels are those of the
// project, inlined; the loops between them are fused by hand. The next batch is asked for while this one is computed.
#pragma clang diagnostic ignored "-Wunused-function"

#include "vectors.h"

#include "elementary.h"

#include "products.h"

enum { P = BH_FEATURES, B = BH_BATCH, CHUNKS = (P + SK_LANES - 1) / SK_LANES, WIDTH = CHUNKS * SK_LANES };

SK_INLINE void ask_for(const real *rows) {
    for (int i = 0; i < B * P; i += 64 / (int)sizeof(real)) __builtin_prefetch(rows + i, 0, 2);
}

static void run(
    const bh_data *d, void *lower, void *linear, void *upper_variable, double lower_step, double upper_step,
    int64_t first, int64_t iterations) {
    const real *const X = d->X, *const y = d->y, *const Xv = d->V, *const yv = d->yv;
    real *const w = lower, *const v = linear, *const x = upper_variable;
    real z[B], u[B], c[B], e[B], gradient[WIDTH], product[WIDTH], upper[WIDTH];
    for (int64_t t = first; t < first + iterations; t++) {
        const int64_t s = d->lower_rows[t % d->draws], r = d->upper_rows[t % d->draws];
        const real *A = X + s * P, *V = Xv + r * P;
        ask_for(X + d->lower_rows[(t + 1) % d->draws] * P);
        ask_for(Xv + d->upper_rows[(t + 1) % d->draws] * P);
        times(CHUNKS, 2, A, B, P, (const real *const[]){w, v}, (real *const[]){z, u});
        for (int i = 0; i < B; i += SK_LANES) {
            const vec label = load(y + s + i), q = vsigmoid(-label * load(z + i));
            store(c + i, label * q * splat((real)-1 / B));
            store(e + i, q * (splat(1) - q) * load(u + i) * splat((real)1 / B));
        }
        transposed_times(CHUNKS, 2, A, B, P, (const real *const[]){c, e}, (real *const[]){gradient, product});
        times(CHUNKS, 1, V, B, P, (const real *const[]){w}, (real *const[]){z});
        for (int i = 0; i < B; i += SK_LANES) {
            const vec label = load(yv + r + i);
            store(c + i, label * vsigmoid(-label * load(z + i)) * splat((real)-1 / B));
        }
        transposed_times(CHUNKS, 1, V, B, P, (const real *const[]){c}, (real *const[]){upper});
        const double decay = 1.0 / sqrt((double)t + 1.0);
        const vec rho = splat((real)(lower_step * decay)), gamma = splat((real)(upper_step * decay));
        for (int j = 0; j < WIDTH; j += SK_LANES) {
            const vec penalty = vexp(load(x + j)), wj = load(w + j), vj = load(v + j);
            store(x + j, load(x + j) - gamma * (penalty * wj * vj));
            store(w + j, wj - rho * vfma(penalty, wj, load(gradient + j)));
            store(v + j, vj - rho * (vfma(penalty, vj, load(product + j)) + load(upper + j)));
        }
    }
}
