"""NumPy and SciPy, derivatives by hand."""
import numpy as np
import scipy.sparse as sparse

from peer import W1_ETA, W2, W3, W4, W5, Data, Work, direction


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(Z):
    E = np.exp(Z - Z.max(1, keepdims=True))
    return E / E.sum(1, keepdims=True)


class Level:
    """y ← y − η ∇g and v ← v − η Hv, ten products at one point; and whole outer iterations where there is an upper level."""

    def __init__(self, y0, x0, eta):
        self.y0, self.x0, self.eta = y0, x0, eta
        self.v0 = direction(y0.shape).astype(y0.dtype)
        self.reset()

    def reset(self):
        self.y, self.v = self.y0, self.v0

    def steps(self, count):
        for _ in range(count):
            self.y = self.y - self.eta * self.gradient(self.y, self.x0)
        return self.y

    def products(self, count):
        for index in range(count):
            if index % 10 == 0:
                point = self.point(self.y0, self.x0)
            self.v = self.v - self.eta * self.product(point, self.v)
        return self.v

    def step_work(self):
        return Work(self.steps, lambda: (self.reset(), dict(y=self.steps(10)))[1], self.reset)

    def product_work(self):
        return Work(self.products, lambda: (self.reset(), dict(v=self.products(10)))[1], self.reset)

    def conjugate_gradients(self, point, b, steps):
        x, r, p = np.zeros_like(b), b.copy(), b.copy()
        rr = np.vdot(r, r)
        for _ in range(steps):
            Ap = self.eta * self.product(point, p)
            a = rr / np.vdot(p, Ap)
            x = x + a * p
            r = r - a * Ap
            new = np.vdot(r, r)
            p = r + (new / rr) * p
            rr = new
        return x

    def outer(self, y, x, T, K):
        for _ in range(T):
            y = y - self.eta * self.gradient(y, x)
        value, b = self.upper(y)
        point = self.point(y, x)
        return y, value, -self.eta * self.cross(point, y, x, self.conjugate_gradients(point, b, K))

    def outer_work(self, constants):
        def run(count):
            for _ in range(count):
                self.outer(self.y0, self.x0, constants['T'], constants['K'])

        def results():
            y, x, values = self.y0, self.x0, []
            for _ in range(constants['outer']):
                y, value, hypergradient = self.outer(y, x, constants['T'], constants['K'])
                values.append(value)
                x = x - constants['upper_step'] * hypergradient
            return dict(values=np.array(values), hypergradient=hypergradient, y=y, x=x)

        return Work(run, results)


class Logistic(Level):
    def __init__(self, folder, dtype):
        d = Data(folder, 'w1', dtype)
        self.X, self.y_labels = d['Xtr'], d['ytr']
        super().__init__(d['inner0'], d['outer0'], dtype(W1_ETA))

    def gradient(self, w, x):
        return self.X.T @ (-self.y_labels * sigmoid(-self.y_labels * (self.X @ w))) / len(self.X) + np.exp(x) * w

    def point(self, w, x):
        q = sigmoid(self.X @ w)
        return q * (1 - q) / len(self.X), np.exp(x)

    def product(self, point, v):
        return self.X.T @ (point[0] * (self.X @ v)) + point[1] * v


class Cleaning(Level):
    def __init__(self, folder, dtype):
        d = Data(folder, 'w2', dtype)
        self.X, self.V, self.dtype = d['Xtr'], d['Xva'], dtype
        self.Y, self.Yv = (np.eye(10, dtype=dtype)[d[k]] for k in ('ytr', 'yva'))
        super().__init__(np.zeros((784, 10), dtype), np.full(len(self.X), -2, dtype), dtype(W2['eta']))

    def gradient(self, W, x):
        P = softmax(self.X @ W)
        return self.X.T @ ((sigmoid(x) / len(self.X))[:, None] * (P - self.Y)) + self.dtype(2 * W2['reg']) * W

    def point(self, W, x):
        return softmax(self.X @ W), (sigmoid(x) / len(self.X))[:, None]

    def product(self, point, V):
        P, weight = point
        U = self.X @ V
        U = P * (U - (P * U).sum(1, keepdims=True))
        return self.X.T @ (weight * U) + self.dtype(2 * W2['reg']) * V

    def cross(self, point, W, x, V):
        q = sigmoid(x)
        return q * (1 - q) / len(self.X) * ((point[0] - self.Y) * (self.X @ V)).sum(1)

    def upper(self, W):
        Z = self.V @ W
        Z = Z - Z.max(1, keepdims=True)
        logs = Z - np.log(np.exp(Z).sum(1, keepdims=True))
        return -np.mean((self.Yv * logs).sum(1)), self.V.T @ (np.exp(logs) - self.Yv) / self.dtype(len(self.V))


class Text(Level):
    def __init__(self, folder, dtype):
        d = Data(folder, 'w3', dtype)
        n, m, p, k = map(int, d['shape'])
        self.dtype, self.p, self.k = dtype, p, k

        def matrix(name, rows):
            X = sparse.csr_matrix((d[f'{name}_data'], d[f'{name}_indices'], d[f'{name}_indptr']), shape=(rows, p))
            return X, X.T.tocsr()

        (self.X, self.XT), (self.V, self.VT) = matrix('tr', n), matrix('va', m)
        self.Y, self.Yv = (np.eye(k, dtype=dtype)[d[name]] for name in ('ytr', 'yva'))
        super().__init__(np.zeros((p, k), dtype), np.zeros(p, dtype), dtype(W3['eta']))

    def penalty(self, x):
        return (np.exp(x) / (self.p * self.k))[:, None].astype(self.dtype)

    def gradient(self, W, x):
        return self.XT @ ((softmax(self.X @ W) - self.Y) * self.dtype(1 / len(self.Y))) + self.penalty(x) * W

    def point(self, W, x):
        return softmax(self.X @ W), self.penalty(x)

    def product(self, point, V):
        P, penalty = point
        U = self.X @ V
        U = P * (U - (P * U).sum(1, keepdims=True))
        return self.XT @ (U * self.dtype(1 / len(self.Y))) + penalty * V

    def cross(self, point, W, x, V):
        return np.sum(point[1] * W * V, 1)

    def upper(self, W):
        Z = self.V @ W
        Z = Z - Z.max(1, keepdims=True)
        logs = Z - np.log(np.exp(Z).sum(1, keepdims=True))
        return -np.mean((self.Yv * logs).sum(1)), self.VT @ ((np.exp(logs) - self.Yv) * self.dtype(1 / len(self.Yv)))


class Ridge(Level):
    def __init__(self, folder, dtype):
        d = Data(folder, 'w4', dtype)
        self.dtype = dtype
        self.X, self.y_values, self.V, self.yv = (d[k] for k in ('Xtr', 'ytr', 'Xva', 'yva'))
        super().__init__(np.zeros(500, dtype), np.full(500, -2, dtype), dtype(W4['eta']))

    def gradient(self, w, x):
        return self.X.T @ (self.X @ w - self.y_values) / self.dtype(len(self.X)) + np.exp(x) * w

    def point(self, w, x):
        return np.exp(x)

    def product(self, penalty, v):
        return self.X.T @ (self.X @ v) / self.dtype(len(self.X)) + penalty * v

    def cross(self, penalty, w, x, v):
        return penalty * w * v

    def upper(self, w):
        r = self.V @ w - self.yv
        return 0.5 * np.dot(r, r) / len(r), self.V.T @ r / self.dtype(len(r))


class Equilibrium:
    def __init__(self, folder, dtype):
        d = Data(folder, 'w5', dtype)
        self.A = d['A0']
        self.U = d['Xtr'] @ d['B0'] + d['c0']
        self.z0 = np.zeros_like(self.U)
        self.b = np.full_like(self.U, 0.01)
        self.z1 = np.full_like(self.U, 0.1)
        self.reset()

    def reset(self):
        self.z, self.v = self.z0, self.z0

    def steps(self, count):
        for _ in range(count):
            self.z = np.tanh(self.z @ self.A + self.U)
        return self.z

    def products(self, count):
        for index in range(count):
            if index % 10 == 0:
                slope = 1 - np.tanh(self.z1 @ self.A + self.U) ** 2
            self.v = (self.v * slope) @ self.A.T + self.b
        return self.v

    def step_work(self):
        return Work(self.steps, lambda: (self.reset(), dict(z=self.steps(10)))[1], self.reset)

    def product_work(self):
        return Work(self.products, lambda: (self.reset(), dict(v=self.products(10)))[1], self.reset)


class Training:
    """The parameters of the equilibrium, trained by implicit differentiation."""

    def __init__(self, folder, dtype):
        d = Data(folder, 'w5', dtype)
        self.dtype = dtype
        self.start = [d[f'{name}0'] for name in 'ABcVd']
        self.X, self.Y = d['Xtr'], np.eye(10, dtype=dtype)[d['ytr']]

    def run(self, parameters):
        A, B, c, V, d = parameters
        U = self.X @ B + c
        z = np.zeros_like(U)
        for _ in range(W5['T']):
            z = np.tanh(z @ A + U)
        logits = z @ V + d
        logits = logits - logits.max(1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        G = (np.exp(logs) - self.Y) * self.dtype(1 / len(self.Y))
        b = G @ V.T
        slope = 1 - np.tanh(z @ A + U) ** 2
        v = np.zeros_like(b)
        for _ in range(W5['K']):
            v = (v * slope) @ A.T + b
        M = v * slope
        return -np.mean((self.Y * logs).sum(1)), [z.T @ M, self.X.T @ M, M.sum(0), z.T @ G, G.sum(0)]

    def outer_work(self):
        def repeat(count):
            for _ in range(count):
                self.run(self.start)

        return Work(repeat, lambda: train(self.run, self.start))


def train(run, start):
    """Some iterations of momentum from what `run` says of parameters: the losses and the last parameters."""
    parameters, velocity, values = list(start), [0.0] * len(start), []
    for _ in range(W5['outer']):
        loss, gradients = run(parameters)
        values.append(float(loss))
        velocity = [W5['momentum'] * v + np.asarray(g) for v, g in zip(velocity, gradients)]
        parameters = [p - W5['upper_step'] * v for p, v in zip(parameters, velocity)]
    return dict(zip('ABcVd', parameters), values=np.array(values))


def works(folder, dtype):
    """Name → maker of work."""
    made = {}

    def level(kind):
        if kind not in made:
            made[kind] = kind(folder, dtype)
        return made[kind]

    return {
        'w1.step': lambda: level(Logistic).step_work(), 'w1.hv': lambda: level(Logistic).product_work(),
        'w2.step': lambda: level(Cleaning).step_work(), 'w2.hv': lambda: level(Cleaning).product_work(),
        'w2.outer': lambda: level(Cleaning).outer_work(W2),
        'w3.step': lambda: level(Text).step_work(), 'w3.hv': lambda: level(Text).product_work(),
        'w3.outer': lambda: level(Text).outer_work(W3),
        'w4.step': lambda: level(Ridge).step_work(), 'w4.hv': lambda: level(Ridge).product_work(),
        'w4.outer': lambda: level(Ridge).outer_work(W4),
        'w5.step': lambda: level(Equilibrium).step_work(), 'w5.hv': lambda: level(Equilibrium).product_work(),
        'w5.outer': lambda: level(Training).outer_work(),
    }
