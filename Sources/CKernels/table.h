// The kernels that are compiled once per variant, as a table of functions.
#include "CKernels.h"

// Scratch of the block machine: the registers, then one vector per operand for splats and accumulators. A register ends
// in a spare vector, so that the same elements of two registers do not compete for a cache set.
enum {
    SK_REGISTER_STRIDE = SK_BLOCK_LENGTH + 8,
    SK_SCRATCH_COUNT = SK_BLOCK_MAX_REGISTERS * SK_REGISTER_STRIDE + SK_BLOCK_MAX_OPERANDS * 8,
};

typedef struct {
    void (*block)(
        const sk_block_op *, int32_t, const sk_block_operand *, int32_t, double *const *, double *, int64_t);
    void (*gemv_n)(const double *, int64_t, int64_t, const double *, double *);
    void (*gemv_t)(const double *, int64_t, int64_t, const double *, double *);
    void (*gemv_n2)(const double *, int64_t, int64_t, const double *, const double *, double *, double *);
    void (*gemv_t2)(const double *, int64_t, int64_t, const double *, const double *, double *, double *);
    double (*sum)(const double *, int64_t);
    double (*dot)(const double *, const double *, int64_t);
    void (*axpy)(double, const double *, double *, int64_t);
    void (*scale)(double, double *, int64_t);
    void (*reduce)(int32_t, const double *, double *, int64_t, int64_t, int64_t);
    void (*logsumexp)(const double *, double *, int64_t, int64_t, int64_t);
    void (*softmax)(const double *, double *, int64_t, int64_t, int64_t);
} sk_kernel_table;

extern const sk_kernel_table sk_kernels_portable;
#if defined(__x86_64__)
extern const sk_kernel_table sk_kernels_v3, sk_kernels_v4;
#endif
