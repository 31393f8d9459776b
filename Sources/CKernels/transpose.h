// Transposition, eight by eight elements at a time.

// The transpose of eight by eight elements.
SK_INLINE void transpose_octets(octet x[8]) {
#define SK_EXCHANGE(distance, low, high)                                                  \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < 8; r++) if (!(r & distance)) { \
        const octet a = x[r], b = x[r + distance];                                        \
        x[r] = low;                                                                       \
        x[r + distance] = high;                                                           \
    }
    SK_EXCHANGE(
        1, __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14), __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15))
    SK_EXCHANGE(
        2, __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13), __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15))
    SK_EXCHANGE(
        4, __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11), __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#undef SK_EXCHANGE
}

// Writes the transpose of `from`, [rows, columns], to `to`, [columns, rows]; their rows lie so far apart.
SK_INLINE void lay_transpose(
    const real *from, int64_t rows, int64_t columns, int64_t from_pitch, real *to, int64_t to_pitch) {
    int64_t c = 0;
    for (; c + 8 <= columns; c += 8) {
        int64_t r = 0;
        for (; r + 8 <= rows; r += 8) {
            octet x[8];
#pragma clang loop unroll(full)
            for (int q = 0; q < 8; q++) x[q] = load_octet(from + (r + q) * from_pitch + c);
            transpose_octets(x);
#pragma clang loop unroll(full)
            for (int q = 0; q < 8; q++) store_octet(to + (c + q) * to_pitch + r, x[q]);
        }
        for (; r < rows; r++)
            for (int64_t q = c; q < c + 8; q++) to[q * to_pitch + r] = from[r * from_pitch + q];
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t q = c; q < columns; q++) to[q * to_pitch + r] = from[r * from_pitch + q];
}
