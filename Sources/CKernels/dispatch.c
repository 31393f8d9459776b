// Which variant of the kernels runs, and the public names that lead to it.
#include "table.h"

#include <stdatomic.h>

// Relaxed loads: the tables are constants, and any of them is right at any time.
static _Atomic(const sk_kernel_table *) current = &sk_kernels_portable;

static const sk_kernel_table *table_of(int32_t variant) {
    if (variant == SK_VARIANT_PORTABLE) return &sk_kernels_portable;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (variant == SK_VARIANT_V3 && __builtin_cpu_supports("x86-64-v3")) return &sk_kernels_v3;
    if (variant == SK_VARIANT_V4 && __builtin_cpu_supports("x86-64-v4")) return &sk_kernels_v4;
#endif
    return 0;
}

static inline const sk_kernel_table *kernels(void) { return atomic_load_explicit(&current, memory_order_relaxed); }

bool sk_use_variant(int32_t variant) {
    const sk_kernel_table *table = table_of(variant);
    if (table) atomic_store_explicit(&current, table, memory_order_relaxed);
    return table != 0;
}

__attribute__((constructor)) static void use_widest_variant(void) {
    for (int32_t variant = SK_VARIANT_COUNT - 1; variant >= 0; variant--)
        if (sk_use_variant(variant)) return;
}

int32_t sk_variant(void) {
    for (int32_t variant = SK_VARIANT_COUNT - 1; variant > 0; variant--)
        if (table_of(variant) == kernels()) return variant;
    return SK_VARIANT_PORTABLE;
}

const char *sk_variant_name(int32_t variant) {
    static const char *const names[SK_VARIANT_COUNT] = {"portable", "x86-64-v3", "x86-64-v4"};
    return variant >= 0 && variant < SK_VARIANT_COUNT ? names[variant] : "unknown";
}

int64_t sk_block_scratch_count(void) { return SK_SCRATCH_COUNT; }

void sk_block(
    const sk_block_op *ops, int32_t op_count, const sk_block_operand *operands, int32_t operand_count,
    double *const *pointers, double *scratch, int64_t n) {
    kernels()->block(ops, op_count, operands, operand_count, pointers, scratch, n);
}

void sk_gemv_n(const double *A, int64_t m, int64_t k, const double *x, double *y) { kernels()->gemv_n(A, m, k, x, y); }

void sk_gemv_t(const double *A, int64_t m, int64_t k, const double *c, double *y) { kernels()->gemv_t(A, m, k, c, y); }

void sk_gemv_n2(
    const double *A, int64_t m, int64_t k, const double *x0, const double *x1, double *y0, double *y1) {
    kernels()->gemv_n2(A, m, k, x0, x1, y0, y1);
}

void sk_gemv_t2(
    const double *A, int64_t m, int64_t k, const double *c0, const double *c1, double *y0, double *y1) {
    kernels()->gemv_t2(A, m, k, c0, c1, y0, y1);
}

double sk_sum(const double *x, int64_t n) { return kernels()->sum(x, n); }

double sk_dot(const double *x, const double *y, int64_t n) { return kernels()->dot(x, y, n); }

void sk_axpy(double alpha, const double *x, double *y, int64_t n) { kernels()->axpy(alpha, x, y, n); }

void sk_scale(double alpha, double *x, int64_t n) { kernels()->scale(alpha, x, n); }

void sk_reduce(int32_t kind, const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner) {
    kernels()->reduce(kind, src, dst, outer, middle, inner);
}

void sk_logsumexp(const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner) {
    kernels()->logsumexp(src, dst, outer, middle, inner);
}

void sk_softmax(const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner) {
    kernels()->softmax(src, dst, outer, middle, inner);
}
