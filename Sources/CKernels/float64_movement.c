// Copies, scatters and running sums of float64.
#define SK_ELEMENT SK_FLOAT64
#define SK_MOVEMENT_TABLE sk_movement_float64
typedef double real;
#include "movement.h"
