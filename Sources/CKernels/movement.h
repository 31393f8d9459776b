// Copies, scatters and running sums: bound by memory, so compiled once per element type. Layouts are first merged and
// turned into the fewest loops. The including file defines `real`, SK_ELEMENT and the table's name.
#include "table.h"

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

static void copy_row(const real *src, real *dst, int64_t n, int64_t stride) {
    if (stride == 1) {
        memcpy(dst, src, (size_t)n * sizeof(real));
    } else if (stride == 0) {
        const real value = *src;
        for (int64_t i = 0; i < n; i++) dst[i] = value;
    } else {
        for (int64_t i = 0; i < n; i++) dst[i] = src[i * stride];
    }
}

// dst[i, j] = src[i + j * stride], in tiles that stay in the first cache.
static void transpose(const real *src, real *dst, int64_t rows, int64_t columns, int64_t stride) {
    enum { TILE = 16 };
    for (int64_t i0 = 0; i0 < rows; i0 += TILE)
        for (int64_t j0 = 0; j0 < columns; j0 += TILE) {
            const int64_t i1 = i0 + TILE < rows ? i0 + TILE : rows, j1 = j0 + TILE < columns ? j0 + TILE : columns;
            for (int64_t i = i0; i < i1; i++)
                for (int64_t j = j0; j < j1; j++) dst[i * columns + j] = src[i + j * stride];
        }
}

static void strided_copy(
    const void *source, void *destination, int64_t rank, const int64_t *dims, const int64_t *src_strides) {
    const real *const src = source;
    real *dst = destination;
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

static void add_row(const real *src, real *dst, int64_t n, int64_t stride) {
    if (stride == 1)
        sk_axpy(SK_ELEMENT, 1.0, src, dst, n);
    else
        for (int64_t i = 0; i < n; i++) dst[i * stride] += src[i];
}

static void strided_add(
    const void *source, void *destination, int64_t rank, const int64_t *dims, const int64_t *dst_strides) {
    const real *src = source;
    real *const dst = destination;
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
static inline int64_t checked(real index, int64_t bound) {
    return index >= 0 && (double)index < (double)bound ? (int64_t)index : -1;
}

static void take(
    const void *source, const void *rows, void *destination, int64_t outer, int64_t source_middle, int64_t count,
    int64_t inner) {
    const real *src = source, *const indices = rows;
    real *dst = destination;
    for (int64_t o = 0; o < outer; o++, src += source_middle * inner)
        for (int64_t j = 0; j < count; j++, dst += inner) {
            const int64_t index = checked(indices[j], source_middle);
            if (index < 0)
                for (int64_t i = 0; i < inner; i++) dst[i] = NAN;
            else if (inner == 1)
                *dst = src[index];
            else
                memcpy(dst, src + index * inner, (size_t)inner * sizeof(real));
        }
}

static void take_add(
    const void *source, const void *rows, void *destination, int64_t outer, int64_t source_middle, int64_t count,
    int64_t inner) {
    const real *cotangent = source, *const indices = rows;
    real *dst = destination;
    for (int64_t o = 0; o < outer; o++, dst += source_middle * inner)
        for (int64_t j = 0; j < count; j++, cotangent += inner) {
            const int64_t index = checked(indices[j], source_middle);
            if (index < 0) continue;
            real *const row = dst + index * inner;
            for (int64_t i = 0; i < inner; i++) row[i] += cotangent[i];
        }
}

static void one_hot(const void *rows, void *destination, int64_t count, int64_t classes) {
    const real *const indices = rows;
    real *const dst = destination;
    for (int64_t i = 0; i < count * classes; i++) dst[i] = 0;
    for (int64_t j = 0; j < count; j++) {
        const int64_t index = checked(indices[j], classes);
        if (index >= 0) dst[j * classes + index] = 1;
    }
}

// Columns that a running sum passes over together.
enum { SK_CUMULATED = 8 };

// Row j is row j - 1 plus the source's row j, for at most SK_CUMULATED columns. The sum runs in double.
static void cumulate(const real *src, real *dst, int64_t middle, int64_t columns, int64_t step) {
    double sums[SK_CUMULATED] = {0};
    for (int64_t j = 0; j < middle; j++, src += step, dst += step)
        for (int64_t i = 0; i < columns; i++) dst[i] = (real)(sums[i] = j == 0 ? src[i] : sums[i] + src[i]);
}

static void cumsum(
    const void *source, void *destination, int64_t outer, int64_t middle, int64_t inner, bool reverse) {
    if (middle == 0) return;
    const real *src = source;
    real *dst = destination;
    const int64_t start = reverse ? (middle - 1) * inner : 0, step = reverse ? -inner : inner;
    for (int64_t o = 0; o < outer; o++, src += middle * inner, dst += middle * inner)
        for (int64_t i = 0; i < inner; i += SK_CUMULATED)
            cumulate(
                src + start + i, dst + start + i, middle, inner - i < SK_CUMULATED ? inner - i : SK_CUMULATED, step);
}

const sk_movement_table SK_MOVEMENT_TABLE = {
    .strided_copy = strided_copy, .strided_add = strided_add, .take = take, .take_add = take_add,
    .one_hot = one_hot, .cumsum = cumsum,
};
