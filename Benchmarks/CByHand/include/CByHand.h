// What the engine is measured against: an iteration of SOBA on logistic regression with one L2 penalty per feature,
// written by hand in C, with the project's own small kernels.
#ifndef CBYHAND_H
#define CBYHAND_H

#include <stdint.h>

enum { BH_FEATURES = 22, BH_BATCH = 64 };

typedef struct {
    const void *X, *y, *V, *yv;              // elements [rows, 22] and [rows], with 64 bytes of slack after each
    const int64_t *lower_rows, *upper_rows;  // first rows of the batches, visited in turn
    int64_t draws;
} bh_data;

// `iterations` iterations from `first` on, updating y (here w), v and x, each of 22 elements and room for whole cache
// lines. Runs the variant that the kernels have chosen: x86-64-v4 or v3, or the build's own target.
void bh_soba(
    int32_t element, const bh_data *data, void *w, void *v, void *x, double lower_step, double upper_step, int64_t first,
    int64_t iterations);

#endif
