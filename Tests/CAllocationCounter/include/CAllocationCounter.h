// Counts allocations, so that a test can say that there are none.
#pragma once

/// Allocations of the calling thread since it began; in an unoptimised build, those of more than 40 bytes. Stays at 0
/// under sanitizers, which bring their own `malloc`.
long allocation_count(void);
