// The kernels that are compiled once per variant and element type, as tables of functions. All of them take the addresses
// of arrays of that type.
#include "CKernels.h"

typedef struct {
    void (*block)(
        const sk_block_op *, int32_t, const sk_block_operand *, int32_t, void *const *, void *, int64_t);
    int64_t scratch_bytes;
    void (*gemv_n)(const void *, int64_t, int64_t, const void *, void *);
    void (*gemv_t)(const void *, int64_t, int64_t, const void *, void *);
    void (*gemv_n2)(const void *, int64_t, int64_t, const void *, const void *, void *, void *);
    void (*gemv_t2)(const void *, int64_t, int64_t, const void *, const void *, void *, void *);
    void (*weighted_gram)(const void *, int64_t, int64_t, const void *, const void *, void *);
    void (*outer)(const void *, int64_t, const void *, int64_t, void *);
    void (*thin_n)(const void *, int64_t, int64_t, const void *, int64_t, void *, sk_ahead *);
    void (*thin_t)(const void *, int64_t, int64_t, const void *, int64_t, void *, sk_ahead *);
    void (*wide_n)(const void *, int64_t, int64_t, const void *, int64_t, bool, void *, sk_ahead *);
    void (*wide_lay)(const void *, int64_t, int64_t, bool, void *);
    void (*wide_laid)(const void *, int64_t, int64_t, const void *, int64_t, void *, sk_ahead *);
    void (*sparse_times)(const sk_sparse *, int64_t, const void *, void *, int64_t);
    void (*sparse_scatter)(const sk_sparse *, int64_t, const void *, void *, int64_t, int64_t);
    double (*sum)(const void *, int64_t);
    double (*dot)(const void *, const void *, int64_t);
    void (*axpy)(double, const void *, void *, int64_t);
    void (*scale)(double, void *, int64_t);
    void (*reduce)(int32_t, const void *, void *, int64_t, int64_t, int64_t);
    void (*logsumexp)(const void *, void *, int64_t, int64_t, int64_t);
    void (*softmax)(const void *, void *, int64_t, int64_t, int64_t);
} sk_kernel_table;

extern const sk_kernel_table sk_kernels_float64_portable, sk_kernels_float32_portable;
#if defined(__x86_64__)
extern const sk_kernel_table sk_kernels_float64_v3, sk_kernels_float32_v3;
extern const sk_kernel_table sk_kernels_float64_v4, sk_kernels_float32_v4;
#endif

// Those that are compiled once per element type.
typedef struct {
    void (*strided_copy)(const void *, void *, int64_t, const int64_t *, const int64_t *);
    void (*strided_add)(const void *, void *, int64_t, const int64_t *, const int64_t *);
    void (*take)(const void *, const void *, void *, int64_t, int64_t, int64_t, int64_t);
    void (*take_add)(const void *, const void *, void *, int64_t, int64_t, int64_t, int64_t);
    void (*one_hot)(const void *, void *, int64_t, int64_t);
    void (*cumsum)(const void *, void *, int64_t, int64_t, int64_t, bool);
} sk_movement_table;

extern const sk_movement_table sk_movement_float64, sk_movement_float32;
