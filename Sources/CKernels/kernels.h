// All kernels of one variant and element type. The including file chooses the target, includes the element type's header
// and names the table with SK_TABLE.
#include "table.h"

#include "vectors.h"

#include "elementary.h"

#include "sums.h"

#include "block.h"

#include "products.h"

#include "transpose.h"
#include "thin.h"

#include "wide.h"

#include "sparse.h"

#include "reductions.h"

const sk_kernel_table SK_TABLE = {
    .block = block, .scratch_bytes = SK_SCRATCH_COUNT * (int64_t)sizeof(real), .gemv_n = gemv_n, .gemv_t = gemv_t,
    .gemv_n2 = gemv_n2, .gemv_t2 = gemv_t2, .weighted_gram = weighted_gram, .outer = outer, .thin_n = thin_n, .thin_t = thin_t, .wide_n = wide_n, .wide_lay = wide_lay, .wide_laid = wide_laid, .sparse_times = sparse_times,
    .sparse_scatter = sparse_scatter, .sum = sum, .dot = dot, .axpy = axpy,
    .scale = scale, .reduce = reduce, .logsumexp = logsumexp, .softmax = softmax,
};
