#include <cblas.h>

// LAPACK as Fortran names: OpenBLAS ships the symbols, Debian ships their C header in another package.
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(
    const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b, const int *ldb,
    int *info);
