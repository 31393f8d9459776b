// All kernels of one variant. The including file chooses the target and names the table with SK_TABLE.
#include "table.h"

// Wide vectors are passed only between functions that are always inlined, so no calling convention is at stake.
#pragma clang diagnostic ignored "-Wpsabi"

#include "vectors.h"

#include "elementary.h"

#include "sums.h"

#include "block.h"

#include "products.h"

#include "reductions.h"

const sk_kernel_table SK_TABLE = {
    .block = block, .gemv_n = gemv_n, .gemv_t = gemv_t, .gemv_n2 = gemv_n2, .gemv_t2 = gemv_t2, .sum = sum,
    .dot = dot, .axpy = axpy, .scale = scale, .reduce = reduce, .logsumexp = logsumexp, .softmax = softmax,
};
