"""What every peer offers the driver: work by name. `run(count)` repeats it from where `reset()` puts it; `results()` are
arrays that the engine computes too, after ten repetitions from the start or after some outer iterations."""
import os

import numpy as np


class Work:
    def __init__(self, run, results, reset=lambda: None):
        self.run, self.results, self.reset = run, results, reset


class Data:
    """The arrays of one workload, as float64 (or the dtype asked for) where they are not integers."""

    def __init__(self, folder, workload, dtype=np.float64):
        self.folder, self.workload, self.dtype = folder, workload, dtype

    def __getitem__(self, name):
        array = np.load(os.path.join(self.folder, f'{self.workload}_{name}.npy'))
        return array.astype(self.dtype) if array.dtype.kind == 'f' else array


# The constants of the workloads.
W1_ETA = 0.1
W2 = dict(T=20, K=10, eta=0.05, upper_step=1e4, outer=3, reg=0.2, batch_eta=0.01)
W3 = dict(T=100, K=10, eta=20.0, upper_step=100.0, outer=3)
W4 = dict(T=100, K=10, eta=0.5, upper_step=20.0, outer=20)

W6 = dict(T1=30, T2=3, lower_step=0.1, noise_step=20.0, upper_step=0.1, c=10.0, outer=20)

W5 = dict(T=20, K=20, upper_step=0.5, momentum=0.9, outer=5)


def direction(shape):
    """The first v of the products: no zeros, no pattern."""
    return np.cos(np.arange(np.prod(shape))).reshape(shape)
