// The iteration as compiled for each target and element type.
#include "CByHand.h"

typedef void (*bh_function)(const bh_data *, void *, void *, void *, double, double, int64_t, int64_t);

extern const bh_function bh_soba_float64_portable, bh_soba_float32_portable;
#if defined(__x86_64__)
extern const bh_function bh_soba_float64_v3, bh_soba_float64_v4, bh_soba_float32_v3, bh_soba_float32_v4;
#endif
