"""Makes the data of the workloads W1 to W6 as .npy files: FOLDER/<workload>_<name>.npy.

usage: data.py FOLDER [WORKLOAD ...]

Deterministic: NumPy's PCG64 with fixed seeds, and the digits and diabetes data sets that scikit-learn carries. About half
a minute for all of them.
"""
import os
import sys

import numpy as np

BATCH = 64


def batch_sequence(rows, count, seed):
    """Batch numbers: shuffled epochs of all batches. Batch i is the rows min(64 i, rows - 64) .. + 64."""
    batches = -(-rows // BATCH)
    rng = np.random.default_rng(seed)
    out = []
    while len(out) < count:
        out.extend(rng.permutation(batches).tolist())
    return np.array(out[:count], dtype=np.int32)


def w1():
    """Logistic regression, ijcnn1-like: 10 binary and 12 real features, 10 % positive labels."""
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
        batches_inner=batch_sequence(n, 60_000, 11), batches_outer=batch_sequence(m, 60_000, 12))


def digits_like(rng, count):
    """Digits of scikit-learn, enlarged, moved about in 28 x 28, dimmed and made noisy."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits
    digits = load_digits()
    images = digits.images / 16.0
    enlarged = np.clip(np.stack([zoom(image, 2.5, order=1) for image in images]), 0, 1)
    chosen = rng.integers(0, len(images), count)
    across, down = rng.integers(1, 8, count), rng.integers(1, 8, count)
    X = np.zeros((count, 28, 28))
    for k in range(count):
        X[k, across[k]:across[k] + 20, down[k]:down[k] + 20] = enlarged[chosen[k]]
    X *= rng.uniform(0.7, 1.0, (count, 1, 1))
    X = np.clip(X + 0.05 * rng.normal(size=X.shape) * (X > 0), 0, 1)
    return X.reshape(count, 784), digits.target[chosen]


def w2():
    """Data cleaning: half of the training labels are drawn anew."""
    rng = np.random.default_rng(202)
    n, m, t = 20_000, 5_000, 5_000
    X, y = digits_like(rng, n + m + t)
    mean, deviation = X[:n].mean(0), X[:n].std(0)
    deviation[deviation == 0] = 1.0
    X = ((X - mean) / deviation).astype(np.float32)
    labels = y[:n].copy()
    corrupted = rng.random(n) < 0.5
    labels[corrupted] = rng.integers(0, 10, corrupted.sum())
    return dict(
        Xtr=X[:n], ytr=labels.astype(np.int32), Xva=X[n:n + m], yva=y[n:n + m].astype(np.int32),
        batches_inner=batch_sequence(n, 20_000, 21), batches_outer=batch_sequence(m, 20_000, 22))


def w3():
    """Sparse, text-like: Zipf's words, 400 of them more frequent in each of 20 topics, tf-idf rows of length 1."""
    import scipy.sparse as sparse
    rng = np.random.default_rng(303)
    n, m, p, k = 8_000, 4_000, 20_000, 20
    y = rng.integers(0, k, n + m)
    base = 1.0 / (np.arange(1, p + 1) + 5.0)
    base /= base.sum()
    base = base[rng.permutation(p)]
    topics = []
    for _ in range(k):
        topic = base.copy()
        words = rng.choice(p, 400, replace=False)
        topic[words] = topic[words] * 6 + 1e-5
        topics.append(topic / topic.sum())
    rows, columns, values = [], [], []
    for i in range(n + m):
        length = int(np.clip(rng.lognormal(4.4, 0.5), 20, 400))
        words, counts = np.unique(rng.choice(p, length, p=topics[y[i]]), return_counts=True)
        rows.append(np.full(len(words), i))
        columns.append(words)
        values.append(1 + np.log(counts))
    X = sparse.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n + m, p))
    frequency = np.asarray((X > 0).sum(0)).ravel()
    X = sparse.csr_matrix(X @ sparse.diags(np.log((1 + n + m) / (1 + frequency)) + 1))
    norms = np.sqrt(np.asarray(X.multiply(X).sum(1))).ravel()
    X = sparse.csr_matrix(sparse.diags(1 / norms) @ X)
    X.sort_indices()
    train, validation = X[:n], X[n:]
    return dict(
        tr_indptr=train.indptr.astype(np.int32), tr_indices=train.indices.astype(np.int32), tr_data=train.data,
        ytr=y[:n].astype(np.int32), va_indptr=validation.indptr.astype(np.int32),
        va_indices=validation.indices.astype(np.int32), va_data=validation.data, yva=y[n:].astype(np.int32),
        shape=np.array([n, m, p, k], dtype=np.int32))


def w4():
    """Ridge regression whose features fade."""
    rng = np.random.default_rng(404)
    n, m, d = 2_000, 1_000, 500
    X = rng.normal(size=(n + m, d)) * np.linspace(1.0, 0.1, d)
    w = np.zeros(d)
    w[rng.permutation(d)[:60]] = rng.normal(size=60) * 2
    y = X @ w + 3.0 * rng.normal(size=n + m)
    return dict(Xtr=X[:n], ytr=y[:n], Xva=X[n:], yva=y[n:])


def w5():
    """The equilibrium model's images and first parameters."""
    rng = np.random.default_rng(505)
    n, m, h, scale = 2_000, 2_000, 200, 0.01
    X, y = digits_like(rng, n + m)
    return dict(
        Xtr=X[:n].astype(np.float32), ytr=y[:n].astype(np.int32), Xva=X[n:].astype(np.float32),
        yva=y[n:].astype(np.int32), A0=scale * rng.normal(size=(h, h)), B0=scale * rng.normal(size=(784, h)),
        c0=scale * rng.normal(size=h), V0=scale * rng.normal(size=(h, 10)), d0=np.zeros(10))


def w6():
    """Diabetes, standardised and split."""
    from sklearn.datasets import load_diabetes
    X, y = load_diabetes(return_X_y=True)
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    order = np.random.default_rng(606).permutation(len(y))
    X, y, n = X[order], y[order], 221
    return dict(Xtr=X[:n], ytr=y[:n], Xva=X[n:], yva=y[n:])


MAKERS = dict(w1=w1, w2=w2, w3=w3, w4=w4, w5=w5, w6=w6)


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(MAKERS)
    os.makedirs(folder, exist_ok=True)
    for name in names:
        for key, array in MAKERS[name]().items():
            np.save(os.path.join(folder, f'{name}_{key}.npy'), np.ascontiguousarray(array))


if __name__ == '__main__':
    main()
