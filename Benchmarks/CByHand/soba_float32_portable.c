// SOBA by hand on float32 for the build's own target.
#include <math.h>

#include "variants.h"

#include "CKernels.h"

#include "float32.h"

#include "soba.h"

const bh_function bh_soba_float32_portable = run;
