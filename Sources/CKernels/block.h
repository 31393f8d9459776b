// The block machine. An operand is an address and a step of a vector or nothing per vector, so that one
// implementation of an opcode serves memory, registers and splats alike.

// Scratch: the registers, then one vector per operand for splats and accumulators. A register ends in a spare vector, so
// that the same elements of two registers do not compete for a cache set.
enum {
    SK_REGISTER_STRIDE = SK_BLOCK_LENGTH + SK_LANES,
    SK_SCRATCH_COUNT = SK_BLOCK_MAX_REGISTERS * SK_REGISTER_STRIDE + SK_BLOCK_MAX_OPERANDS * SK_LANES,
};

typedef struct {
    real *at;
    int64_t step;     // per vector
    int64_t advance;  // per block
} place;

typedef void (*block_function)(const place *d, const place *a, const place *b, const place *c, int64_t n);

#define SK_BLOCK_FUNCTION(name) \
    static void name(const place *pd, const place *pa, const place *pb, const place *pc, int64_t n)
// Not unrolled: stores bound long arrays, and short ones would wait for what chooses among the copies.
#define SK_EACH(LOADS, EXPRESSION)                                       \
    {                                                                    \
        real *d = pd->at;                                              \
        const real *at = pa->at, *bt = pb->at, *ct = pc->at;           \
        const int64_t as = pa->step, bs = pb->step, cs = pc->step;       \
        (void)bt, (void)bs, (void)ct, (void)cs;                          \
        _Pragma("clang loop unroll(disable)")                          \
        for (int64_t i = 0; i < n; i += SK_LANES, d += SK_LANES) {                     \
            LOADS;                                                       \
            store(d, EXPRESSION);                                        \
        }                                                                \
    }
#define SK_LOAD_A const vec a = load(at); at += as
#define SK_LOAD_AB SK_LOAD_A; const vec b = load(bt); bt += bs
#define SK_LOAD_ABC SK_LOAD_AB; const vec c = load(ct); ct += cs
#define SK_UNARY(name, EXPRESSION) SK_BLOCK_FUNCTION(name) SK_EACH(SK_LOAD_A, EXPRESSION)
#define SK_BINARY(name, EXPRESSION) SK_BLOCK_FUNCTION(name) SK_EACH(SK_LOAD_AB, EXPRESSION)
#define SK_TERNARY(name, EXPRESSION) SK_BLOCK_FUNCTION(name) SK_EACH(SK_LOAD_ABC, EXPRESSION)
// Functions of the C library, one element at a time.
#define SK_LIBRARY(name, CALL)                                                    \
    SK_BLOCK_FUNCTION(name) {                                                     \
        const int64_t as = pa->step / SK_LANES, bs = pb->step / SK_LANES;                       \
        const real *at = pa->at, *bt = pb->at;                                  \
        (void)bt, (void)bs, (void)pc;                                             \
        for (int64_t i = 0; i < n; i++) pd->at[i] = CALL;                         \
    }

SK_UNARY(op_copy, a)
SK_UNARY(op_neg, -a)
SK_UNARY(op_abs, absolute(a))
SK_UNARY(op_sign, vsign(a))
SK_UNARY(op_sqrt, __builtin_elementwise_sqrt(a))
SK_UNARY(op_square, a * a)
SK_UNARY(op_recip, 1 / a)
SK_UNARY(op_exp, vexp(a))
SK_UNARY(op_expm1, vexpm1(a))
SK_UNARY(op_log, vlog(a))
SK_UNARY(op_log1p, vlog1p(a))
SK_LIBRARY(op_sin, sin(at[i * as]))
SK_LIBRARY(op_cos, cos(at[i * as]))
SK_LIBRARY(op_tan, tan(at[i * as]))
SK_UNARY(op_tanh, vtanh(a))
SK_UNARY(op_sigmoid, vsigmoid(a))
SK_UNARY(op_softplus, vsoftplus(a))
SK_UNARY(op_erf, verf(a))
SK_UNARY(op_relu, vrelu(a))
SK_UNARY(op_ispositive, one_where(a > 0))
SK_BINARY(op_add, a + b)
SK_BINARY(op_sub, a - b)
SK_BINARY(op_mul, a * b)
SK_BINARY(op_div, a / b)
SK_LIBRARY(op_pow, pow(at[i * as], bt[i * bs]))
SK_BINARY(op_min, minimum(a, b))
SK_BINARY(op_max, maximum(a, b))
SK_BINARY(op_less, one_where(a < b))
SK_BINARY(op_lessequal, one_where(a <= b))
SK_BINARY(op_equal, one_where(a == b))
SK_TERNARY(op_fma, vfma(a, b, c))
SK_TERNARY(op_fnma, vfma(-a, b, c))
SK_TERNARY(op_select, (ivec)(a != 0) ? b : c)

SK_BLOCK_FUNCTION(op_sum) {
    (void)pb, (void)pc;
    const wide block_sum = sum_block(add_value, pa->at, pa->step, pa->at, pa->step, splat(0), n, true);
    store_wide(pd->at, load_wide(pd->at) + block_sum);
}

SK_BLOCK_FUNCTION(op_dot) {
    (void)pc;
    const wide block_sum = sum_block(add_product, pa->at, pa->step, pb->at, pb->step, splat(0), n, true);
    store_wide(pd->at, load_wide(pd->at) + block_sum);
}

static const block_function block_functions[SK_OP_COUNT] = {
    [SK_OP_COPY] = op_copy, [SK_OP_NEG] = op_neg, [SK_OP_ABS] = op_abs, [SK_OP_SIGN] = op_sign,
    [SK_OP_SQRT] = op_sqrt, [SK_OP_SQUARE] = op_square, [SK_OP_RECIP] = op_recip, [SK_OP_EXP] = op_exp,
    [SK_OP_EXPM1] = op_expm1, [SK_OP_LOG] = op_log, [SK_OP_LOG1P] = op_log1p, [SK_OP_SIN] = op_sin,
    [SK_OP_COS] = op_cos, [SK_OP_TAN] = op_tan, [SK_OP_TANH] = op_tanh, [SK_OP_SIGMOID] = op_sigmoid,
    [SK_OP_SOFTPLUS] = op_softplus, [SK_OP_ERF] = op_erf, [SK_OP_RELU] = op_relu,
    [SK_OP_ISPOSITIVE] = op_ispositive, [SK_OP_ADD] = op_add, [SK_OP_SUB] = op_sub, [SK_OP_MUL] = op_mul,
    [SK_OP_DIV] = op_div, [SK_OP_POW] = op_pow, [SK_OP_MIN] = op_min, [SK_OP_MAX] = op_max,
    [SK_OP_LESS] = op_less, [SK_OP_LESSEQUAL] = op_lessequal, [SK_OP_EQUAL] = op_equal, [SK_OP_FMA] = op_fma,
    [SK_OP_FNMA] = op_fnma, [SK_OP_SELECT] = op_select, [SK_OP_SUM] = op_sum, [SK_OP_DOT] = op_dot,
};

SK_INLINE place resolve(sk_block_operand operand, int32_t index, void *const *pointers, real *scratch) {
    real *const vector = scratch + SK_BLOCK_MAX_REGISTERS * SK_REGISTER_STRIDE + (int64_t)index * SK_LANES;
    switch (operand.kind) {
    case SK_MEMORY: return (place){pointers[operand.slot], SK_LANES, SK_BLOCK_LENGTH};
    case SK_REGISTER: return (place){scratch + (int64_t)operand.slot * SK_REGISTER_STRIDE, SK_LANES, 0};
    case SK_SPLAT: store(vector, splat(*(const real *)pointers[operand.slot])); return (place){vector, 0, 0};
    case SK_ACCUMULATOR: store_wide(vector, wide_splat(0.0)); return (place){vector, 0, 0};
    }
    __builtin_trap();  // a kind outside the header's list
}

static void block(
    const sk_block_op *ops, int32_t op_count, const sk_block_operand *operands, int32_t operand_count,
    void *const *pointers, void *scratch, int64_t n) {
    if (operand_count > SK_BLOCK_MAX_OPERANDS) __builtin_trap();  // would overrun `places`
    place places[SK_BLOCK_MAX_OPERANDS];
    for (int32_t i = 0; i < operand_count; i++) places[i] = resolve(operands[i], i, pointers, scratch);
    for (int64_t start = 0; start < n; start += SK_BLOCK_LENGTH) {
        const int64_t length = smaller(n - start, SK_BLOCK_LENGTH);
        for (const sk_block_op *op = ops; op < ops + op_count; op++)
            block_functions[op->opcode](
                places + op->destination, places + op->a, places + op->b, places + op->c, length);
        if (start + SK_BLOCK_LENGTH >= n) break;
        for (int32_t i = 0; i < operand_count; i++) places[i].at += places[i].advance;
    }
    for (int32_t i = 0; i < operand_count; i++)
        if (operands[i].kind == SK_ACCUMULATOR)
            *(real *)pointers[operands[i].slot] = (real)sum_lanes(load_wide(places[i].at));
}
