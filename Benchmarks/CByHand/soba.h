// One iteration of SOBA by hand, for the target of the including file. The kernels are those of the project, inlined;
// the loops between them are fused by hand. The next batch is asked for while this one is computed.
#include "variants.h"

#include "CKernels.h"

#pragma clang diagnostic ignored "-Wunused-function"

#include "float64.h"

#include "vectors.h"

#include "elementary.h"

#include "products.h"

enum { P = BH_FEATURES, B = BH_BATCH, CHUNKS = 3 };

SK_INLINE void ask_for(const double *rows) {
    for (int i = 0; i < B * P; i += 8) __builtin_prefetch(rows + i, 0, 2);
}

static void run(
    const bh_data *d, double *w, double *v, double *x, double lower_step, double upper_step, int64_t first,
    int64_t iterations) {
    double z[B], u[B], c[B], e[B], gradient[24], product[24], upper[24];
    for (int64_t t = first; t < first + iterations; t++) {
        const int64_t s = d->lower_rows[t % d->draws], r = d->upper_rows[t % d->draws];
        const double *A = d->X + s * P, *V = d->V + r * P;
        ask_for(d->X + d->lower_rows[(t + 1) % d->draws] * P);
        ask_for(d->V + d->upper_rows[(t + 1) % d->draws] * P);
        times(CHUNKS, 2, A, B, P, (const double *const[]){w, v}, (double *const[]){z, u});
        for (int i = 0; i < B; i += 8) {
            const vec label = load(d->y + s + i), q = vsigmoid(-label * load(z + i));
            store(c + i, label * q * (-1.0 / B));
            store(e + i, q * (1.0 - q) * load(u + i) * (1.0 / B));
        }
        transposed_times(CHUNKS, 2, A, B, P, (const double *const[]){c, e}, (double *const[]){gradient, product});
        times(CHUNKS, 1, V, B, P, (const double *const[]){w}, (double *const[]){z});
        for (int i = 0; i < B; i += 8) {
            const vec label = load(d->yv + r + i);
            store(c + i, label * vsigmoid(-label * load(z + i)) * (-1.0 / B));
        }
        transposed_times(CHUNKS, 1, V, B, P, (const double *const[]){c}, (double *const[]){upper});
        const double decay = 1.0 / sqrt((double)t + 1.0), rho = lower_step * decay, gamma = upper_step * decay;
        for (int j = 0; j < 24; j += 8) {
            const vec penalty = vexp(load(x + j)), wj = load(w + j), vj = load(v + j);
            store(x + j, load(x + j) - gamma * (penalty * wj * vj));
            store(w + j, wj - rho * vfma(penalty, wj, load(gradient + j)));
            store(v + j, vj - rho * (vfma(penalty, vj, load(product + j)) + load(upper + j)));
        }
    }
}
