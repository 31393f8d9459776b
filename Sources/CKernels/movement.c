// Copies, scatters and running sums: bound by memory, so compiled once. Layouts are first merged and turned into the
// fewest loops.
#include "CKernels.h"

#include <math.h>
#include <string.h>

// Loops from the outside in: `count` turns, each moving `stride` elements on the strided side.
typedef struct {
    int64_t rank, count[SK_MAX_RANK], stride[SK_MAX_RANK];
} loops;

// Drops dimensions of 1 and merges neighbours that one stride covers. At least one loop remains.
static loops merged(int64_t rank, const int64_t *dims, const int64_t *strides) {
    if (rank < 0 || rank > SK_MAX_RANK) __builtin_trap();  // would overrun the loops
    loops l = {.rank = 0};
    for (int64_t i = 0; i < rank; i++) {
        if (dims[i] == 1) continue;
        const int64_t last = l.rank - 1;
        if (l.rank > 0 && l.stride[last] == dims[i] * strides[i]) {
            l.count[last] *= dims[i];
            l.stride[last] = strides[i];
        } else {
            l.count[l.rank] = dims[i];
            l.stride[l.rank++] = strides[i];
        }
    }
    if (l.rank == 0) l = (loops){1, {1}, {1}};
    return l;
}

static int64_t element_count(const loops *l) {
    int64_t total = 1;
    for (int64_t i = 0; i < l->rank; i++) total *= l->count[i];
    return total;
}

// Advances the outer `depth` loops by one turn; false when they are through.
static bool advance(const loops *l, int64_t depth, int64_t turn[SK_MAX_RANK], int64_t *offset) {
    for (int64_t i = depth - 1; i >= 0; i--) {
        *offset += l->stride[i];
        if (++turn[i] < l->count[i]) return true;
        *offset -= turn[i] * l->stride[i];
        turn[i] = 0;
    }
    return false;
}

static void copy_row(const double *src, double *dst, int64_t n, int64_t stride) {
    if (stride == 1) {
        memcpy(dst, src, (size_t)n * sizeof(double));
    } else if (stride == 0) {
        const double value = *src;
        for (int64_t i = 0; i < n; i++) dst[i] = value;
    } else {
        for (int64_t i = 0; i < n; i++) dst[i] = src[i * stride];
    }
}

// dst[i, j] = src[i + j * stride], in tiles that stay in the first cache.
static void transpose(const double *src, double *dst, int64_t rows, int64_t columns, int64_t stride) {
    enum { TILE = 16 };
    for (int64_t i0 = 0; i0 < rows; i0 += TILE)
        for (int64_t j0 = 0; j0 < columns; j0 += TILE) {
            const int64_t i1 = i0 + TILE < rows ? i0 + TILE : rows, j1 = j0 + TILE < columns ? j0 + TILE : columns;
            for (int64_t i = i0; i < i1; i++)
                for (int64_t j = j0; j < j1; j++) dst[i * columns + j] = src[i + j * stride];
        }
}

void sk_strided_copy(
    const double *src, double *dst, int64_t rank, const int64_t *dims, const int64_t *src_strides) {
    const loops l = merged(rank, dims, src_strides);
    if (element_count(&l) == 0) return;
    const int64_t last = l.rank - 1;
    const bool transposes = last > 0 && l.stride[last - 1] == 1 && l.stride[last] != 0;
    const int64_t depth = transposes ? last - 1 : last;
    const int64_t step = l.count[last] * (transposes ? l.count[last - 1] : 1);
    int64_t turn[SK_MAX_RANK] = {0}, offset = 0;
    do {
        if (transposes)
            transpose(src + offset, dst, l.count[last - 1], l.count[last], l.stride[last]);
        else
            copy_row(src + offset, dst, l.count[last], l.stride[last]);
        dst += step;
    } while (advance(&l, depth, turn, &offset));
}

static void add_row(const double *src, double *dst, int64_t n, int64_t stride) {
    if (stride == 1)
        sk_axpy(1.0, src, dst, n);
    else
        for (int64_t i = 0; i < n; i++) dst[i * stride] += src[i];
}

void sk_strided_add(
    const double *src, double *dst, int64_t rank, const int64_t *dims, const int64_t *dst_strides) {
    const loops l = merged(rank, dims, dst_strides);
    if (element_count(&l) == 0) return;
    const int64_t last = l.rank - 1;
    int64_t turn[SK_MAX_RANK] = {0}, offset = 0;
    do {
        add_row(src, dst + offset, l.count[last], l.stride[last]);
        src += l.count[last];
    } while (advance(&l, last, turn, &offset));
}

// The index as an integer, or -1 where it is outside 0 ..< bound; NaN fails both comparisons.
static inline int64_t checked(double index, int64_t bound) {
    return index >= 0.0 && index < (double)bound ? (int64_t)index : -1;
}

void sk_take(
    const double *src, const double *indices, double *dst, int64_t outer, int64_t source_middle, int64_t count,
    int64_t inner) {
    for (int64_t o = 0; o < outer; o++, src += source_middle * inner)
        for (int64_t j = 0; j < count; j++, dst += inner) {
            const int64_t index = checked(indices[j], source_middle);
            if (index < 0)
                for (int64_t i = 0; i < inner; i++) dst[i] = NAN;
            else if (inner == 1)
                *dst = src[index];
            else
                memcpy(dst, src + index * inner, (size_t)inner * sizeof(double));
        }
}

void sk_take_add(
    const double *cotangent, const double *indices, double *dst, int64_t outer, int64_t source_middle,
    int64_t count, int64_t inner) {
    for (int64_t o = 0; o < outer; o++, dst += source_middle * inner)
        for (int64_t j = 0; j < count; j++, cotangent += inner) {
            const int64_t index = checked(indices[j], source_middle);
            if (index < 0) continue;
            double *const row = dst + index * inner;
            for (int64_t i = 0; i < inner; i++) row[i] += cotangent[i];
        }
}

void sk_one_hot(const double *indices, double *dst, int64_t count, int64_t classes) {
    for (int64_t i = 0; i < count * classes; i++) dst[i] = 0.0;
    for (int64_t j = 0; j < count; j++) {
        const int64_t index = checked(indices[j], classes);
        if (index >= 0) dst[j * classes + index] = 1.0;
    }
}

// Row j is row j - 1 plus the source's row j.
static void cumulate(const double *src, double *dst, int64_t middle, int64_t inner, int64_t step) {
    for (int64_t i = 0; i < inner; i++) dst[i] = src[i];
    for (int64_t j = 1; j < middle; j++) {
        src += step, dst += step;
        for (int64_t i = 0; i < inner; i++) dst[i] = dst[i - step] + src[i];
    }
}

void sk_cumsum(const double *src, double *dst, int64_t outer, int64_t middle, int64_t inner, bool reverse) {
    if (middle == 0) return;
    const int64_t start = reverse ? (middle - 1) * inner : 0, step = reverse ? -inner : inner;
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += middle * inner)
        cumulate(src + start, dst + start, middle, inner, step);
}
