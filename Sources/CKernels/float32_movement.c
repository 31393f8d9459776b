// Copies, scatters and running sums of float32.
#define SK_ELEMENT SK_FLOAT32
#define SK_MOVEMENT_TABLE sk_movement_float32
typedef float real;
#include "movement.h"
