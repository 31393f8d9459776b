// Which variant of the kernels runs, and the public names that lead to it and to the element type at hand.
#include "table.h"

#include <stdatomic.h>
#include <string.h>

static const sk_kernel_table *const tables[SK_VARIANT_COUNT][SK_ELEMENT_COUNT] = {
    {&sk_kernels_float64_portable, &sk_kernels_float32_portable},
#if defined(__x86_64__)
    {&sk_kernels_float64_v3, &sk_kernels_float32_v3},
    {&sk_kernels_float64_v4, &sk_kernels_float32_v4},
#endif
};

static const sk_movement_table *const movements[SK_ELEMENT_COUNT] = {&sk_movement_float64, &sk_movement_float32};

// Relaxed loads: the tables are constants, and any of them is right at any time.
static _Atomic int32_t current = SK_VARIANT_PORTABLE;

static bool is_supported(int32_t variant) {
    if (variant == SK_VARIANT_PORTABLE) return true;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (variant == SK_VARIANT_V3) return __builtin_cpu_supports("x86-64-v3");
    if (variant == SK_VARIANT_V4) return __builtin_cpu_supports("x86-64-v4");
#endif
    return false;
}

static inline const sk_kernel_table *kernels(int32_t element) {
    return tables[atomic_load_explicit(&current, memory_order_relaxed)][element];
}

bool sk_use_variant(int32_t variant) {
    const bool is_usable = is_supported(variant);
    if (is_usable) atomic_store_explicit(&current, variant, memory_order_relaxed);
    return is_usable;
}

__attribute__((constructor)) static void use_widest_variant(void) {
    for (int32_t variant = SK_VARIANT_COUNT - 1; variant >= 0; variant--)
        if (sk_use_variant(variant)) return;
}

int32_t sk_variant(void) { return atomic_load_explicit(&current, memory_order_relaxed); }

const char *sk_variant_name(int32_t variant) {
    static const char *const names[SK_VARIANT_COUNT] = {"portable", "x86-64-v3", "x86-64-v4"};
    return variant >= 0 && variant < SK_VARIANT_COUNT ? names[variant] : "unknown";
}

int64_t sk_block_scratch_bytes(int32_t element) { return kernels(element)->scratch_bytes; }

void sk_block(
    int32_t element, const sk_block_op *ops, int32_t op_count, const sk_block_operand *operands,
    int32_t operand_count, void *const *pointers, void *scratch, int64_t n) {
    kernels(element)->block(ops, op_count, operands, operand_count, pointers, scratch, n);
}

void sk_gemv_n(int32_t element, const void *A, int64_t m, int64_t k, const void *x, void *y) {
    kernels(element)->gemv_n(A, m, k, x, y);
}

void sk_gemv_t(int32_t element, const void *A, int64_t m, int64_t k, const void *c, void *y) {
    kernels(element)->gemv_t(A, m, k, c, y);
}

void sk_weighted_gram(
    int32_t element, const void *A, int64_t m, int64_t k, const void *w, const void *x, void *y) {
    kernels(element)->weighted_gram(A, m, k, w, x, y);
}

void sk_gemv_n2(
    int32_t element, const void *A, int64_t m, int64_t k, const void *x0, const void *x1, void *y0, void *y1) {
    kernels(element)->gemv_n2(A, m, k, x0, x1, y0, y1);
}

void sk_gemv_t2(
    int32_t element, const void *A, int64_t m, int64_t k, const void *c0, const void *c1, void *y0, void *y1) {
    kernels(element)->gemv_t2(A, m, k, c0, c1, y0, y1);
}

void sk_outer(int32_t element, const void *a, int64_t m, const void *b, int64_t n, void *C) {
    kernels(element)->outer(a, m, b, n, C);
}

void sk_thin_n(
    int32_t element, const void *A, int64_t m, int64_t k, const void *B, int64_t n, void *C, sk_ahead *ahead) {
    kernels(element)->thin_n(A, m, k, B, n, C, ahead);
}

void sk_thin_t(
    int32_t element, const void *A, int64_t m, int64_t k, const void *D, int64_t n, void *C, sk_ahead *ahead) {
    kernels(element)->thin_t(A, m, k, D, n, C, ahead);
}

void sk_wide_n(
    int32_t element, const void *A, int64_t m, int64_t k, const void *B, int64_t n, bool transposed, void *C,
    sk_ahead *ahead) {
    kernels(element)->wide_n(A, m, k, B, n, transposed, C, ahead);
}

void sk_wide_lay(int32_t element, const void *B, int64_t k, int64_t n, bool transposed, void *laid) {
    kernels(element)->wide_lay(B, k, n, transposed, laid);
}

void sk_wide_laid(
    int32_t element, const void *A, int64_t m, int64_t k, const void *laid, int64_t n, void *C, sk_ahead *ahead) {
    kernels(element)->wide_laid(A, m, k, laid, n, C, ahead);
}

void sk_sparse_times(int32_t element, const sk_sparse *A, int64_t m, const void *B, void *C, int64_t n) {
    kernels(element)->sparse_times(A, m, B, C, n);
}

void sk_sparse_scatter(
    int32_t element, const sk_sparse *A, int64_t m, const void *D, void *C, int64_t columns, int64_t n) {
    kernels(element)->sparse_scatter(A, m, D, C, columns, n);
}

double sk_sum(int32_t element, const void *x, int64_t n) { return kernels(element)->sum(x, n); }

double sk_dot(int32_t element, const void *x, const void *y, int64_t n) { return kernels(element)->dot(x, y, n); }

void sk_axpy(int32_t element, double alpha, const void *x, void *y, int64_t n) {
    kernels(element)->axpy(alpha, x, y, n);
}

void sk_scale(int32_t element, double alpha, void *x, int64_t n) { kernels(element)->scale(alpha, x, n); }

void sk_reduce(
    int32_t element, int32_t kind, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner) {
    kernels(element)->reduce(kind, src, dst, outer, middle, inner);
}

void sk_logsumexp(int32_t element, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner) {
    kernels(element)->logsumexp(src, dst, outer, middle, inner);
}

void sk_softmax(int32_t element, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner) {
    kernels(element)->softmax(src, dst, outer, middle, inner);
}

void sk_cumsum(
    int32_t element, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner, bool reverse) {
    movements[element]->cumsum(src, dst, outer, middle, inner, reverse);
}

void sk_strided_copy(
    int32_t element, const void *src, void *dst, int64_t rank, const int64_t *dims, const int64_t *src_strides) {
    movements[element]->strided_copy(src, dst, rank, dims, src_strides);
}

void sk_strided_add(
    int32_t element, const void *src, void *dst, int64_t rank, const int64_t *dims, const int64_t *dst_strides) {
    movements[element]->strided_add(src, dst, rank, dims, dst_strides);
}

void sk_take(
    int32_t element, const void *src, const void *indices, void *dst, int64_t outer, int64_t source_middle,
    int64_t count, int64_t inner) {
    movements[element]->take(src, indices, dst, outer, source_middle, count, inner);
}

void sk_take_add(
    int32_t element, const void *cotangent, const void *indices, void *dst, int64_t outer, int64_t source_middle,
    int64_t count, int64_t inner) {
    movements[element]->take_add(cotangent, indices, dst, outer, source_middle, count, inner);
}

void sk_one_hot(int32_t element, const void *indices, void *dst, int64_t count, int64_t classes) {
    movements[element]->one_hot(indices, dst, count, classes);
}

void sk_narrow(const double *src, float *dst, int64_t n) {
    for (int64_t i = 0; i < n; i++) dst[i] = (float)src[i];
}

void sk_widen(const float *src, double *dst, int64_t n) {
    for (int64_t i = 0; i < n; i++) dst[i] = src[i];
}

void sk_zero(void *dst, int64_t bytes) { memset(dst, 0, (size_t)bytes); }
