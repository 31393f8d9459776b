// The kernels on float64 for whatever the build targets: arm64, or any x86-64, there with fused multiply-adds from the C
// library.
#include <math.h>
#include <stdint.h>

#define SK_TABLE sk_kernels_float64_portable
#include "float64.h"
#include "kernels.h"
