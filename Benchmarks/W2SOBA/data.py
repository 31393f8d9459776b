"""Makes the data of the workload W2: data cleaning, one weight for each of 20,000 training images, half of them mislabelled.

usage: data.py FOLDER             every array as raw little-endian float64, FOLDER/<name>.f64

The recipe is deterministic (NumPy's PCG64 with fixed seeds, the digits of scikit-learn). `fast.json` and `gentle.json`
hold digests of float64 iterates of SOBA on these data and batches, made with the step function of benchmark_bilevel
(https://github.com/benchopt/benchmark_bilevel); `fast.f64` and `gentle.f64` are the same numbers in rows.
"""
import json
import os
import sys

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

BATCH = 64
HERE = os.path.dirname(os.path.abspath(__file__))


def batch_sequence(n, count, seed):
    """Batch numbers: shuffled epochs of all batches. Batch i is the rows min(64 i, n - 64) .. + 64."""
    batches = -(-n // BATCH)
    rng = np.random.default_rng(seed)
    out = []
    while len(out) < count:
        out.extend(rng.permutation(batches).tolist())
    return np.array(out[:count])


def images(rng, count):
    """Digits enlarged to 20 × 20 at random places of 28 × 28, with noise; and their classes."""
    digits = load_digits()
    enlarged = np.clip(np.stack([zoom(i, 2.5, order=1) for i in digits.images / 16.0]), 0, 1)
    index = rng.integers(0, len(enlarged), count)
    x = rng.integers(1, 8, count)
    y = rng.integers(1, 8, count)
    X = np.zeros((count, 28, 28))
    for k in range(count):
        X[k, x[k]:x[k] + 20, y[k]:y[k] + 20] = enlarged[index[k]]
    X *= rng.uniform(0.7, 1.0, (count, 1, 1))
    X = np.clip(X + 0.05 * rng.normal(size=X.shape) * (X > 0), 0, 1)
    return X.reshape(count, 784), digits.target[index]


def make():
    """All arrays by name."""
    rng = np.random.default_rng(202)
    n, m, t = 20_000, 5_000, 5_000
    X, y = images(rng, n + m + t)
    mean, deviation = X[:n].mean(0), X[:n].std(0)
    deviation[deviation == 0] = 1.0
    X = ((X - mean) / deviation).astype(np.float32)
    labels = y[:n].copy()
    corrupted = rng.random(n) < 0.5
    labels[corrupted] = rng.integers(0, 10, corrupted.sum())
    return dict(
        Xtr=X[:n], ytr=labels, Xva=X[n:n + m], yva=y[n:n + m], batches_lower=batch_sequence(n, 20_000, 21),
        batches_upper=batch_sequence(m, 20_000, 22), fast=expected('fast'), gentle=expected('gentle'))


def expected(name):
    """One row for each known iterate: the number of iterations, then for y, x and v their sum, norm, first entries,
    entries at equal distances, and product with cos 0, cos 1, …"""
    with open(os.path.join(HERE, f'{name}.json')) as file:
        iterates = json.load(file)['iterates']
    rows = []
    for e in iterates:
        row = [e['outer_iterations']]
        for part in ['inner_var', 'outer_var', 'v']:
            d = e[part]
            row += [d['sum'], d['norm2'], d['cosproj'], *d['first'], *d['strided']]
        rows.append(row)
    return np.array(rows)


if __name__ == '__main__':
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, array in make().items():
        np.ascontiguousarray(array, dtype='<f8').tofile(os.path.join(sys.argv[1], f'{name}.f64'))
