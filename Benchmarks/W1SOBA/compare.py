"""Times one SOBA iteration on the workload W1 beside hand-written numba, block by block in turn.

usage: compare.py EXECUTABLE FOLDER [BLOCKS]     FOLDER as made by data.py
"""
import math
import os
import statistics
import subprocess
import sys
import time

import numba
import numpy as np

ITERATIONS = 20_000


@numba.njit(fastmath=True)
def soba(X, y, V, yv, w, v, x, bi, bo, a, b, n):
    p = w.size
    gw = np.zeros(p)
    hv = np.zeros(p)
    go = np.zeros(p)
    for k in range(n):
        gw[:] = 0
        hv[:] = 0
        go[:] = 0
        s = min(64 * bi[k % bi.size], X.shape[0] - 64)
        t = min(64 * bo[k % bo.size], V.shape[0] - 64)
        for i in range(64):
            z = 0.0
            u = 0.0
            for j in range(p):
                z += X[s + i, j] * w[j]
                u += X[s + i, j] * v[j]
            q = 1.0 / (1.0 + np.exp(y[s + i] * z))
            c = -y[s + i] * q / 64
            d = q * (1.0 - q) * u / 64
            for j in range(p):
                gw[j] += c * X[s + i, j]
                hv[j] += d * X[s + i, j]
        for i in range(64):
            z = 0.0
            for j in range(p):
                z += V[t + i, j] * w[j]
            c = -yv[t + i] / (1.0 + np.exp(yv[t + i] * z)) / 64
            for j in range(p):
                go[j] += c * V[t + i, j]
        r = 1.0 / math.sqrt(k + 1.0)
        for j in range(p):
            e = np.exp(x[j])
            cross = e * w[j] * v[j]
            hj = hv[j] + e * v[j]
            gj = gw[j] + e * w[j]
            w[j] -= a * r * gj
            v[j] -= a * r * (hj + go[j])
            x[j] -= b * r * cross


def load(folder, name, shape=(-1,)):
    return np.fromfile(os.path.join(folder, f'{name}.f64')).reshape(shape)


def numba_block(data, a=1e-3, b=1e-3, iterations=ITERATIONS):
    w, x, v = data['inner0'].copy(), data['outer0'].copy(), np.zeros(22)
    begin = time.perf_counter()
    soba(data['Xtr'], data['ytr'], data['Xva'], data['yva'], w, v, x, data['bi'], data['bo'], a, b, iterations)
    return (time.perf_counter() - begin) / iterations * 1e6, np.concatenate([w, x, v])


def spread(values):
    values = sorted(values)
    quarter = len(values) // 4
    return (f'median {statistics.median(values):.3f} µs, quartiles {values[quarter]:.3f}-{values[-1 - quarter]:.3f}, '
            f'least {values[0]:.3f}')


def main():
    executable, folder = sys.argv[1:3]
    blocks = int(sys.argv[3]) if len(sys.argv) > 3 else 21
    data = {name: load(folder, name) for name in ['ytr', 'yva', 'inner0', 'outer0']}
    data |= {name: load(folder, name, (-1, 22)) for name in ['Xtr', 'Xva']}
    data |= {short: load(folder, name).astype(np.int64)
             for short, name in [('bi', 'batches_lower'), ('bo', 'batches_upper')]}
    ours = subprocess.Popen([executable, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(ours.stdout.readline().strip())
    difference = float(ours.stdout.readline().split()[1])
    deterministic = float(ours.stdout.readline().split()[1])
    worst = 0.0
    for row in load(folder, 'expected', (-1, 67)):
        _, found = numba_block(data, 0.03125, 3.125, int(row[0]))
        for part in range(3):
            wanted = row[1 + 22 * part:23 + 22 * part]
            worst = max(worst, np.abs(found[22 * part:22 * part + 22] - wanted).max() / np.abs(wanted).max())
    print(f'largest relative difference from the recorded iterates (1 to 1000): ours {difference:.1e}, '
          f'numba {worst:.1e}')
    print(f'largest relative difference from known derivatives, F and its gradient: {deterministic:.1e}')
    times = {'ours': [], 'numba': []}
    for _ in range(blocks):
        times['numba'].append(numba_block(data)[0])
        ours.stdin.write(f'{ITERATIONS}\n')
        ours.stdin.flush()
        times['ours'].append(float(ours.stdout.readline()))
    ours.stdin.close()
    ours.wait()
    for name, values in times.items():
        print(f'{name}: {spread(values)}')
    ratio = statistics.median(a / b for a, b in zip(times['ours'], times['numba']))
    print(f'ratio {ratio:.3f} (median over {blocks} pairs of blocks of {ITERATIONS} iterations); '
          f'numba {numba.__version__}, OPENBLAS_CORETYPE={os.environ.get("OPENBLAS_CORETYPE", "unset")}')
    sys.exit(0 if max(difference, worst, deterministic) <= 1e-9 else 1)


main()
