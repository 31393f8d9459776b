// SOBA by hand on float64 for the build's own target.
#include <math.h>

#include "variants.h"

#include "CKernels.h"

#include "float64.h"

#include "soba.h"

const bh_function bh_soba_float64_portable = run;
