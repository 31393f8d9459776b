// The kernels for whatever the build targets: arm64, or any x86-64, there with fused multiply-adds from the C library.
#include <math.h>

#define SK_TABLE sk_kernels_portable
#include "kernels.h"
