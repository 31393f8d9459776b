// The iteration as compiled for each target.
#include "CByHand.h"

typedef void (*bh_function)(
    const bh_data *, double *, double *, double *, double, double, int64_t, int64_t);

extern const bh_function bh_soba_portable;
#if defined(__x86_64__)
extern const bh_function bh_soba_v3, bh_soba_v4;
#endif
