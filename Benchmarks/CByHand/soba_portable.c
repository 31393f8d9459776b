// SOBA by hand for the build's own target.
#include <math.h>

#include "soba.h"

const bh_function bh_soba_portable = run;
