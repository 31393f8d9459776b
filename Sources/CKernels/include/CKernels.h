// Vector kernels on arrays of double or of float. One program of vectors of 64 bytes with explicit fused multiply-adds,
// compiled for each element type and for x86-64-v4, x86-64-v3 and the build's own target; the variants give the same
// bits.
//
// Element types. The arrays of a call all have its `element`. On float, elementwise operations and the elementary
// functions compute in float; sums, dot products, reductions and running sums accumulate in double and are rounded to
// float once, when they are stored. The small dense products add at most 128 products in float, and those sums in
// double.
//
// Memory. "Padded" operands (the block machine and the small products) lie in buffers where 64 bytes may be read past
// the end of any operand, and where a destination's slack up to the next multiple of 64 bytes may be overwritten.
// All other kernels touch only the elements they name. Unless a kernel says otherwise, source and destination may be
// the same array but must not overlap in part. Counts are elements; arrays are row-major and contiguous.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stdint.h>

// ---- Variants

// Anonymous, so that Swift sees plain integers.
enum { SK_VARIANT_PORTABLE = 0, SK_VARIANT_V3 = 1, SK_VARIANT_V4 = 2, SK_VARIANT_COUNT = 3 };

// The variant in use: the widest the processor runs, chosen when the program is loaded.
int32_t sk_variant(void);
// "portable", "x86-64-v3" or "x86-64-v4"; "unknown" for other numbers.
const char *sk_variant_name(int32_t variant);
// Makes every later call use `variant`; false, and no change, where the processor cannot run it. For tests and for
// pinning an installation to one variant, before work starts.
bool sk_use_variant(int32_t variant);

// ---- Element types

enum { SK_FLOAT64 = 0, SK_FLOAT32 = 1, SK_ELEMENT_COUNT = 2 };

// dst[i] = src[i], rounded to nearest; what float cannot hold becomes infinite.
void sk_narrow(const double *src, float *dst, int64_t n);
// dst[i] = src[i]
void sk_widen(const float *src, double *dst, int64_t n);
// Zeros.
void sk_zero(void *dst, int64_t bytes);

// ---- Block machine: chains of elementwise operations, 512 elements at a time

enum { SK_BLOCK_LENGTH = 512, SK_BLOCK_MAX_OPERANDS = 64, SK_BLOCK_MAX_REGISTERS = 32 };

enum {
    SK_MEMORY = 0,       // pointers[slot], advancing
    SK_REGISTER = 1,     // scratch register `slot`, valid within a block
    SK_SPLAT = 2,        // the one value pointers[slot][0], read once per call, for every element
    SK_ACCUMULATOR = 3,  // a sum over all elements, written to pointers[slot][0] at the end
};

enum {
    SK_OP_COPY = 0,
    SK_OP_NEG,
    SK_OP_ABS,
    SK_OP_SIGN,        // -1, 0, 1; NaN of NaN
    SK_OP_SQRT,
    SK_OP_SQUARE,
    SK_OP_RECIP,
    SK_OP_EXP,
    SK_OP_EXPM1,
    SK_OP_LOG,
    SK_OP_LOG1P,
    SK_OP_SIN,
    SK_OP_COS,
    SK_OP_TAN,
    SK_OP_TANH,
    SK_OP_SIGMOID,
    SK_OP_SOFTPLUS,
    SK_OP_ERF,
    SK_OP_RELU,        // NaN of NaN
    SK_OP_ISPOSITIVE,  // a > 0 ? 1 : 0
    SK_OP_ADD,
    SK_OP_SUB,
    SK_OP_MUL,
    SK_OP_DIV,
    SK_OP_POW,
    SK_OP_MIN,         // NaN if either is NaN
    SK_OP_MAX,         // NaN if either is NaN
    SK_OP_LESS,        // 1 or 0
    SK_OP_LESSEQUAL,
    SK_OP_EQUAL,
    SK_OP_FMA,         // a * b + c, rounded once
    SK_OP_FNMA,        // c - a * b, rounded once
    SK_OP_SELECT,      // a != 0 ? b : c
    SK_OP_SUM,         // destination (an accumulator) += a
    SK_OP_DOT,         // destination (an accumulator) += a * b, rounded once
    SK_OP_COUNT,
};

// `destination`, `a`, `b`, `c` are indices into the operands; unused ones are 0.
typedef struct {
    int32_t opcode, destination, a, b, c;
} sk_block_op;

typedef struct {
    int32_t slot, kind;
} sk_block_operand;

// Bytes of scratch that `sk_block` needs.
int64_t sk_block_scratch_bytes(int32_t element);

// Runs `ops` in order on every block of `n` elements. Memory operands are padded; one may be both source and
// destination. SUM and DOT add in the order of `sk_sum` and `sk_dot`, so fusing a sum does not change its bits.
void sk_block(
    int32_t element, const sk_block_op *ops, int32_t op_count, const sk_block_operand *operands,
    int32_t operand_count, void *const *pointers, void *scratch, int64_t n);

// ---- Small dense products: A is [m, k] with k <= SK_GEMV_MAX_COLUMNS; all operands padded, outputs not inputs

enum { SK_GEMV_MAX_COLUMNS = 32 };

// y[m] = A x
void sk_gemv_n(int32_t element, const void *A, int64_t m, int64_t k, const void *x, void *y);
// y[k] = transpose(A) c
void sk_gemv_t(int32_t element, const void *A, int64_t m, int64_t k, const void *c, void *y);
// y[k] = transpose(A) (w * (A x)), reading A once.
void sk_weighted_gram(
    int32_t element, const void *A, int64_t m, int64_t k, const void *w, const void *x, void *y);
// Two products that read A once.
void sk_gemv_n2(
    int32_t element, const void *A, int64_t m, int64_t k, const void *x0, const void *x1, void *y0, void *y1);
void sk_gemv_t2(
    int32_t element, const void *A, int64_t m, int64_t k, const void *c0, const void *c1, void *y0, void *y1);
// C[m, n] = a b transposed
void sk_outer(int32_t element, const void *a, int64_t m, const void *b, int64_t n, void *C);

// ---- Thin dense products: A is [m, k] with k >= 1 and m >= 1, the other factor has n <= SK_THIN_MAX_COLUMNS columns

enum { SK_THIN_MAX_COLUMNS = 16 };

// Cache lines that a later call will read. The thin products ask the processor for them one by one, so that they arrive
// while it computes; what they have asked for is taken off. No lines: nothing to ask for.
typedef struct {
    const void *at;
    int64_t lines;
} sk_ahead;

// Asks for at most so many of the lines.
static inline void sk_reach(sk_ahead *ahead, int64_t lines) {
    if (lines > ahead->lines) lines = ahead->lines;
    for (int64_t i = 0; i < lines; i++) __builtin_prefetch((const char *)ahead->at + 64 * i, 0, 2);
    ahead->at = (const char *)ahead->at + 64 * lines;
    ahead->lines -= lines;
}

// C[m, n] = A B
void sk_thin_n(int32_t element, const void *A, int64_t m, int64_t k, const void *B, int64_t n, void *C, sk_ahead *ahead);
// C[k, n] = transpose(A) D. Products of 256 rows add up in the element type, and those sums too.
void sk_thin_t(int32_t element, const void *A, int64_t m, int64_t k, const void *D, int64_t n, void *C, sk_ahead *ahead);

// ---- Wide dense products: A is [m, k], m >= 1, k >= 1

// C[m, n] = A B, B being [k, n], or its transpose stored as [n, k]. Products of 256 rows of B add up in the element type,
// and those sums too. Asks for the lines of `ahead` and the ranges behind it, up to one without an address.
void sk_wide_n(
    int32_t element, const void *A, int64_t m, int64_t k, const void *B, int64_t n, bool transposed, void *C,
    sk_ahead *ahead);
// The same in two parts, for one B and many A: the first lays out B, in k times as many elements as n rounded up to whole
// cache lines.
void sk_wide_lay(int32_t element, const void *B, int64_t k, int64_t n, bool transposed, void *laid);
void sk_wide_laid(
    int32_t element, const void *A, int64_t m, int64_t k, const void *laid, int64_t n, void *C, sk_ahead *ahead);

// ---- Sparse products: A is stored by rows; dense operands are [., n], padded, outputs not inputs

// Rows i of a matrix: entries starts[i] ..< starts[i + 1] of `values`, elements of the call's type, in the columns named
// beside them, which ascend. A pointer into `starts` makes a view of later rows.
typedef struct {
    const int64_t *starts;
    const int32_t *columns;
    const void *values;
} sk_sparse;

// C[m, n] = A B for the first m rows of A. On float the sums accumulate in double.
void sk_sparse_times(int32_t element, const sk_sparse *A, int64_t m, const void *B, void *C, int64_t n);
// C[columns, n] = transpose(A) D for the first m rows of A, D being [m, n]: rows are added in ascending order, in the
// element type.
void sk_sparse_scatter(
    int32_t element, const sk_sparse *A, int64_t m, const void *D, void *C, int64_t columns, int64_t n);

// ---- Sums: in one fixed order, blocked, so that rounding error grows with 16 + n / 512 rather than with n

double sk_sum(int32_t element, const void *x, int64_t n);
double sk_dot(int32_t element, const void *x, const void *y, int64_t n);
// y += alpha x, rounded once
void sk_axpy(int32_t element, double alpha, const void *x, void *y, int64_t n);
// x *= alpha
void sk_scale(int32_t element, double alpha, void *x, int64_t n);

// ---- Reductions of the middle dimension of [outer, middle, inner]

enum { SK_REDUCE_SUM = 0, SK_REDUCE_MAX = 1, SK_REDUCE_MIN = 2 };

// dst[outer, inner]. An empty middle gives 0, -inf, +inf. MAX and MIN propagate NaN. Sums run in the order of `sk_sum`
// when inner is 1, otherwise in order within every 128 rows, whose sums are added in order.
void sk_reduce(int32_t element, int32_t kind, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner);
// dst[outer, inner] = log sum exp, shifted by the maximum; -inf where all are -inf, +inf where one is +inf.
void sk_logsumexp(int32_t element, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner);
// dst[outer, middle, inner], shifted by the maximum; NaN where that is infinite.
void sk_softmax(int32_t element, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner);
// Inclusive sums along the middle dimension, from its end if `reverse`.
void sk_cumsum(int32_t element, const void *src, void *dst, int64_t outer, int64_t middle, int64_t inner, bool reverse);

// ---- Movement; source and destination are distinct

// Asks the processor for the cache lines of `bytes` bytes from x on. Changes nothing.
static inline void sk_prefetch(const void *x, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)x + i, 0, 2);
}

enum { SK_MAX_RANK = 16 };

// dst (contiguous, shape `dims`) = src read with strides in elements; 0 broadcasts, negative strides go backwards.
void sk_strided_copy(
    int32_t element, const void *src, void *dst, int64_t rank, const int64_t *dims, const int64_t *src_strides);
// dst, written with strides in elements, += src (contiguous, shape `dims`), in src's order.
void sk_strided_add(
    int32_t element, const void *src, void *dst, int64_t rank, const int64_t *dims, const int64_t *dst_strides);
// dst[o, j, i] = src[o, indices[j], i]; NaN where the index is outside 0 ..< source_middle or NaN.
void sk_take(
    int32_t element, const void *src, const void *indices, void *dst, int64_t outer, int64_t source_middle, int64_t count,
    int64_t inner);
// dst[o, indices[j], i] += cotangent[o, j, i], for ascending j; indices outside 0 ..< source_middle are passed over.
void sk_take_add(
    int32_t element, const void *cotangent, const void *indices, void *dst, int64_t outer, int64_t source_middle,
    int64_t count, int64_t inner);
// dst[count, classes]: 1 where the column is the row's index, else 0; a row of zeros for indices that are no column.
void sk_one_hot(int32_t element, const void *indices, void *dst, int64_t count, int64_t classes);

#endif
