"""numba: loops by hand over batches, as fast as a user of Python could write them."""
import math

import numba
import numpy as np

from peer import W1_ETA, Data, Work

BATCH = 64


@numba.njit(fastmath=True)
def soba(X, y, V, yv, w, v, x, lower, upper, a, b, n):
    p = w.size
    gw, hv, go = np.zeros(p, X.dtype), np.zeros(p, X.dtype), np.zeros(p, X.dtype)
    one, share = X.dtype.type(1), X.dtype.type(1 / BATCH)
    for k in range(n):
        gw[:] = 0
        hv[:] = 0
        go[:] = 0
        s = min(BATCH * lower[k % lower.size], X.shape[0] - BATCH)
        t = min(BATCH * upper[k % upper.size], V.shape[0] - BATCH)
        for i in range(BATCH):
            z, u = X.dtype.type(0), X.dtype.type(0)
            for j in range(p):
                z += X[s + i, j] * w[j]
                u += X[s + i, j] * v[j]
            q = one / (one + np.exp(y[s + i] * z))
            c = -y[s + i] * q * share
            d = q * (one - q) * u * share
            for j in range(p):
                gw[j] += c * X[s + i, j]
                hv[j] += d * X[s + i, j]
        for i in range(BATCH):
            z = X.dtype.type(0)
            for j in range(p):
                z += V[t + i, j] * w[j]
            c = -yv[t + i] / (one + np.exp(yv[t + i] * z)) * share
            for j in range(p):
                go[j] += c * V[t + i, j]
        r = X.dtype.type(1 / math.sqrt(k + 1.0))
        for j in range(p):
            e = np.exp(x[j])
            cross = e * w[j] * v[j]
            along, ahead = gw[j] + e * w[j], hv[j] + e * v[j] + go[j]
            w[j] -= a * r * along
            v[j] -= a * r * ahead
            x[j] -= b * r * cross


@numba.njit(fastmath=True)
def sgd(X, y, w, x, batches, eta, n):
    p = w.size
    g = np.zeros(p, X.dtype)
    one, share = X.dtype.type(1), X.dtype.type(1 / BATCH)
    for k in range(n):
        g[:] = 0
        s = min(BATCH * batches[k % batches.size], X.shape[0] - BATCH)
        for i in range(BATCH):
            z = X.dtype.type(0)
            for j in range(p):
                z += X[s + i, j] * w[j]
            c = -y[s + i] / (one + np.exp(y[s + i] * z)) * share
            for j in range(p):
                g[j] += c * X[s + i, j]
        for j in range(p):
            w[j] -= eta * (g[j] + np.exp(x[j]) * w[j])


@numba.njit(fastmath=True)
def gradient_descent(X, y, w, x, eta, n):
    p, rows = w.size, X.shape[0]
    g = np.zeros(p, X.dtype)
    one, share = X.dtype.type(1), X.dtype.type(1 / rows)
    for _ in range(n):
        g[:] = 0
        for i in range(rows):
            z = X.dtype.type(0)
            for j in range(p):
                z += X[i, j] * w[j]
            c = -y[i] / (one + np.exp(y[i] * z)) * share
            for j in range(p):
                g[j] += c * X[i, j]
        for j in range(p):
            w[j] -= eta * (g[j] + np.exp(x[j]) * w[j])


class Logistic:
    def __init__(self, folder, dtype):
        d = Data(folder, 'w1', dtype)
        self.dtype = dtype
        self.X, self.y, self.V, self.yv = (d[k] for k in ('Xtr', 'ytr', 'Xva', 'yva'))
        self.w0, self.x0, self.lower, self.upper = (d[k] for k in ('inner0', 'outer0', 'batches_inner', 'batches_outer'))

    def soba(self, a, b, count):
        w, v, x = self.w0.copy(), np.zeros_like(self.w0), self.x0.copy()
        soba(self.X, self.y, self.V, self.yv, w, v, x, self.lower, self.upper, self.dtype(a), self.dtype(b), count)
        return dict(y=w, v=v, x=x)

    def sgd(self, count):
        w = self.w0.copy()
        sgd(self.X, self.y, w, self.x0, self.lower, self.dtype(W1_ETA), count)
        return dict(y=w)

    def gradient_descent(self, count):
        w = self.w0.copy()
        gradient_descent(self.X, self.y, w, self.x0, self.dtype(W1_ETA), count)
        return dict(y=w)


def works(folder, dtype):
    made = []

    def logistic():
        if not made:
            made.append(Logistic(folder, dtype))
        return made[0]

    return {
        'w1.soba': lambda: Work(
            lambda count: logistic().soba(1e-3, 1e-3, count), lambda: logistic().soba(0.03125, 3.125, 1000)),
        'w1.step.batch': lambda: Work(lambda count: logistic().sgd(count), lambda: logistic().sgd(10)),
        'w1.step': lambda: Work(lambda count: logistic().gradient_descent(count), lambda: logistic().gradient_descent(10)),
    }
