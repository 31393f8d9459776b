"""Makes the data of the workload W1: logistic regression with one L2 penalty per feature, ijcnn1-like.

usage: data.py FOLDER             every array as raw little-endian float64, FOLDER/<name>.f64
       data.py --fixture FILE     what the first 100 iterations read and where they lead, in one such file
       data.py --further FILE     110 lower batches more, and where SABA, AmIGO and StocBiO lead on them

The recipe is deterministic (NumPy's PCG64 with fixed seeds). `expected.json` holds float64 iterates of SOBA on these
data and batches, made with the step function of benchmark_bilevel (https://github.com/benchopt/benchmark_bilevel).
"""
import json
import os
import sys

import numpy as np

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


def make():
    """All arrays by name."""
    rng = np.random.default_rng(101)
    n, m, p = 50_000, 50_000, 22
    onehot = np.eye(10)[rng.integers(0, 10, n + m)]
    mixing = rng.normal(size=(12, 12)) * 0.35 + np.eye(12)
    continuous = np.tanh(rng.normal(size=(n + m, 12)) @ mixing.T * 0.6) * np.linspace(1.0, 0.15, 12)
    X = np.concatenate([onehot, continuous], 1)
    w = rng.normal(size=p) * 2.0
    w[rng.permutation(p)[:7]] = 0.0
    logit = X @ w
    logit = logit - np.quantile(logit, 0.9)
    y = np.where(rng.random(n + m) < 1 / (1 + np.exp(-1.5 * logit)), 1.0, -1.0)
    inner0 = rng.normal(size=p)
    outer0 = np.log(rng.random(p))
    return dict(
        Xtr=X[:n], ytr=y[:n], Xva=X[n:], yva=y[n:], inner0=inner0, outer0=outer0,
        batches_lower=batch_sequence(n, 60_000, 11), batches_upper=batch_sequence(m, 60_000, 12),
        expected=expected(), deterministic=deterministic())


def expected():
    """One row for each known iterate: the number of iterations, then y, x and v."""
    with open(os.path.join(HERE, 'expected.json')) as file:
        iterates = json.load(file)['iterates']
    return np.array([[e['outer_iterations'], *e['inner_var'], *e['outer_var'], *e['v']] for e in iterates])


def deterministic():
    """Values and derivatives at the start, F and its gradient there."""
    with open(os.path.join(HERE, 'deterministic.json')) as file:
        known = json.load(file)
    names = ['f_inner', 'g_outer', 'grad_inner', 'hvp_u', 'cross_u', 'grad_outer_w', 'h_at_outer0',
             'hypergrad_at_outer0']
    return np.concatenate([np.atleast_1d(known[name]) for name in names])


def write(file, array):
    file.write(np.ascontiguousarray(array, dtype='<f8').tobytes())


def fixture(arrays, path, count=100):
    """The batches of the first iterations, in the order in which they are drawn."""
    with open(path, 'wb') as file:
        for X, y, batches in [('Xtr', 'ytr', 'batches_lower'), ('Xva', 'yva', 'batches_upper')]:
            starts = np.minimum(BATCH * arrays[batches][:count], len(arrays[X]) - BATCH)
            rows = (starts[:, None] + np.arange(BATCH)).ravel()
            write(file, arrays[X][rows])
            write(file, arrays[y][rows])
        for name in ['inner0', 'outer0']:
            write(file, arrays[name])
        iterates = arrays['expected']
        write(file, iterates[iterates[:, 0] <= count])


def further(arrays, path, counts=(100, 210)):
    """Lower batches after those of the fixture: category, label and the 12 other features of each row; then iterates."""
    starts = np.minimum(BATCH * arrays['batches_lower'][counts[0]:counts[1]], len(arrays['Xtr']) - BATCH)
    rows = (starts[:, None] + np.arange(BATCH)).ravel()
    X = arrays['Xtr'][rows]
    with open(path, 'wb') as file:
        write(file, np.column_stack([X[:, :10].argmax(1), arrays['ytr'][rows], X[:, 10:]]))
        for method, last in [('saba', 100), ('amigo', 10), ('stocbio', 10)]:
            with open(os.path.join(HERE, '..', 'peers', 'expected', f'w1_{method}_fixed_batches.json')) as recorded:
                iterates = json.load(recorded)['iterates']
            for e in iterates:
                if e['outer_iterations'] <= last:
                    write(file, np.array([e['outer_iterations'], *e['inner_var'], *e['outer_var']]))


if __name__ == '__main__':
    arrays = make()
    if sys.argv[1] == '--fixture':
        fixture(arrays, sys.argv[2])
    elif sys.argv[1] == '--further':
        further(arrays, sys.argv[2])
    else:
        os.makedirs(sys.argv[1], exist_ok=True)
        for name, array in arrays.items():
            with open(os.path.join(sys.argv[1], f'{name}.f64'), 'wb') as file:
                write(file, array)
