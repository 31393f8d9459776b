"""Times the engine beside its peers, round by round in turn, after checking that all compute the same iterates.

usage: compare.py BENCH FOLDER [--only w1,w4.step] [--rounds 11] [--seconds 0.1] [--threads 1]
                  [--precision float64] [--processor x86-64-v3] [--json FILE]

BENCH is the executable of Benchmarks/Bench, FOLDER what data.py has made. With --threads 1 everything runs on one
processor; --processor lets all of them use only what x86-64-v3 (AVX2) has. Exits with 1 when iterates differ by more than 1e-10 (relative; 1e-3 in float32).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

# Bounds of the design on the time of the engine over that of a peer.
TARGETS = {
    ('w1.soba', 'numba'): 0.5, ('w1.step', 'jax'): 1 / 3, ('w1.hv', 'jax'): 1 / 3, ('w1.step.batch', 'jax'): 1 / 3,
    ('w2.step.batch', 'jax'): 0.5, ('w2.hv.batch', 'jax'): 0.5, ('w2.step', 'jax'): 1 / 1.8, ('w2.hv', 'jax'): 1 / 1.8,
    ('w3.step', 'numpy'): 0.4, ('w3.hv', 'numpy'): 0.4, ('w4.step', 'jax'): 1 / 1.8, ('w4.hv', 'jax'): 1 / 1.8,
    ('w2.outer', 'jax'): 0.5, ('w3.outer', 'numpy'): 0.4,
    ('w1.saba', 'jax'): 0.12, ('w1.amigo', 'jax'): 0.25, ('w1.stocbio', 'jax'): 0.25,
    ('w2.saba', 'jax'): 0.05, ('w2.amigo', 'jax'): 0.5, ('w2.stocbio', 'jax'): 0.5,
    ('w4.outer', 'jax'): 0.5, ('w5.outer', 'jax'): 0.8, ('w5.step', 'jax'): 1 / 1.2, ('w5.hv', 'jax'): 1 / 1.2,
    ('w6.outer', 'jax'): 0.4,
}
# How far iterates may be apart, relative: in float32 the sums of fifty thousand rows differ by their order.
TOLERANCES = {'float64': 1e-10, 'float32': 1e-3}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('bench')
    parser.add_argument('folder')
    parser.add_argument('--only', default='')
    parser.add_argument('--rounds', type=int, default=11)
    parser.add_argument('--seconds', type=float, default=0.1)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--precision', choices=['float64', 'float32'], default='float64')
    parser.add_argument('--processor', choices=['', 'x86-64-v3'], default='')
    parser.add_argument('--json', default='')
    return parser.parse_args()


def settle(threads, processor):
    """One processor for one thread, and its instructions, before any library looks at the machine."""
    for name in ['OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMBA_NUM_THREADS']:
        os.environ[name] = str(threads)
    if threads == 1:
        os.environ['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if processor == 'x86-64-v3':
        os.environ['OPENBLAS_CORETYPE'] = 'Haswell'
        os.environ['NUMBA_CPU_NAME'] = 'haswell'
        os.environ['XLA_FLAGS'] = os.environ.get('XLA_FLAGS', '') + ' --xla_cpu_max_isa=AVX2'
        os.environ['NPY_DISABLE_CPU_FEATURES'] = 'AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR'
    os.environ['JAX_ENABLE_X64'] = '1'
    os.environ['JAX_PLATFORMS'] = 'cpu'


class Engine:
    """The executable, asked line by line."""

    def __init__(self, executable, folder, precision, processor):
        words = ([] if precision == 'float64' else [precision]) + ([processor] if processor else [])
        self.process = subprocess.Popen(
            [executable, 'serve', folder] + words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self.process.stdout.readline())

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if 'error' in answer:
            raise RuntimeError(answer['error'])
        return answer

    def time(self, name, count):
        return self.ask(f'time {name} {count}')['seconds'] / count

    def results(self, name):
        import numpy as np
        with tempfile.TemporaryDirectory() as folder:
            names = self.ask(f'results {name} {folder}')['arrays']
            return {array: np.load(os.path.join(folder, f'{array}.npy')) for array in names}


def peer_time(work, count):
    work.reset()
    begin = time.perf_counter()
    work.run(count)
    return (time.perf_counter() - begin) / count


def difference(found, wanted):
    """The largest difference over the largest entry, over all arrays that both have."""
    import numpy as np
    worst = 0.0
    for name in wanted:
        a, b = np.asarray(found[name], float).ravel(), np.asarray(wanted[name], float).ravel()
        worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)))
    return worst


def expected_difference(name, found):
    """The difference from iterates that were recorded with other software; None where none were."""
    import numpy as np
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'expected')

    def load(file):
        with open(os.path.join(here, f'{file}.json')) as f:
            return json.load(f)

    def against(array, digest):
        """An array against its length, norm, first and strided entries."""
        array = np.asarray(array).ravel()
        stride = max(1, array.size // 8)
        pairs = [(np.linalg.norm(array), digest['norm2'])]
        scale = max(np.abs(digest['strided']).max(), np.abs(digest['first']).max())
        entries = np.abs(np.concatenate([array[:8] - digest['first'], array[::stride][:8] - digest['strided']])).max()
        return max([abs(a - b) / abs(b) for a, b in pairs] + ([entries / scale] if scale else []))

    if name == 'w1.soba':
        last = load('w1_soba_fixed_batches')['iterates'][-1]
        wanted = dict(y=last['inner_var'], x=last['outer_var'], v=last['v'])
        return difference(found, wanted)
    if name.split('.')[1] in ('saba', 'amigo', 'stocbio'):
        last = load(f'{name.replace(".", "_")}_fixed_batches')['iterates'][-1]
        if name.startswith('w1'):
            return difference(found, dict(y=last['inner_var'], x=last['outer_var']))
        return max(against(found['y'], last['inner_var']), against(found['x'], last['outer_var']))
    if name in ('w2.outer', 'w3.outer', 'w4.outer'):
        known = load({'w2': 'w2_fullbatch_aidcg', 'w3': 'w3_aid', 'w4': 'w4_aidcg'}[name[:2]])
        iterates = known['cg' if name == 'w3.outer' else 'iterates']
        last = iterates[-1]
        return max(
            difference(dict(values=found['values']), dict(values=[i['outer_loss'] for i in iterates])),
            against(found['hypergradient'], last['hypergrad']), against(found['y'], last.get('W') or last.get('w')),
            against(found['x'], last['x_after']))
    if name == 'w5.outer':
        iterates = load('w5_aidfp')['iterates']
        return max(
            [difference(dict(values=found['values']), dict(values=[i['loss'] for i in iterates]))]
            + [against(found[k], iterates[-1]['params_after'][k]) for k in 'ABcVd'])
    if name == 'w6.outer':
        iterates = load('w6_itd')['iterates']
        last = iterates[-1]
        return max(
            difference(dict(values=found['values']), dict(values=[i['F'] for i in iterates])),
            difference(dict(hypergradient=found['hypergradient']), dict(hypergradient=[last['hypergrad']])),
            difference(dict(y=found['y']), dict(y=last['theta'])), against(found['noise'], last['P']))
    return None


class Spread:
    def __init__(self, values):
        values = sorted(values)
        quarter = len(values) // 4
        self.median, self.least = statistics.median(values), values[0]
        self.quartiles = values[quarter], values[-1 - quarter]

    def __str__(self):
        unit, scale = ('ms', 1e3) if self.median >= 1e-3 else ('µs', 1e6)
        low, high = self.quartiles
        text = f'{self.median * scale:9.3f} {unit}  [{low * scale:.3f}, {high * scale:.3f}] least {self.least * scale:.3f}'
        return text + ('  contended' if self.median > 1.3 * self.least else '')


def main():
    options = arguments()
    settle(options.threads, options.processor)
    import numpy as np

    import peer_jax
    import peer_jax_stochastic
    import peer_numba
    import peer_numpy

    dtype, tolerance = np.dtype(options.precision).type, TOLERANCES[options.precision]
    engine = Engine(options.bench, options.folder, options.precision, options.processor)
    peers = {
        'numpy': peer_numpy.works(options.folder, dtype), 'numba': peer_numba.works(options.folder, dtype),
        'jax': peer_jax.works(options.folder, dtype) | peer_jax_stochastic.works(options.folder, dtype)}
    print(f'engine {engine.about["kernels"]}, {engine.about["blas"]}; threads {options.threads}; '
          f'OPENBLAS_CORETYPE {os.environ.get("OPENBLAS_CORETYPE", "unset")}; {options.precision}; {options.rounds} rounds in turn')
    wanted = [word for word in options.only.split(',') if word]
    names = engine.about['measurements']
    for word in wanted:
        if not any(name == word or name.startswith(word + '.') for name in names):
            sys.exit(f'no measurement is called {word}; there are {", ".join(names)}')
    failed, rows = [], []
    for name in names:
        if wanted and not any(name == word or name.startswith(word + '.') for word in wanted):
            continue
        works = {peer: makers[name]() for peer, makers in peers.items() if name in makers}
        found = engine.results(name)
        known = expected_difference(name, found)
        print(f'\n{name}' + (f'  (recorded iterates: {known:.1e})' if known is not None else ''))
        if known is not None and not known <= tolerance:
            failed.append(f'{name}: recorded iterates differ by {known:.1e}')
        for peer, work in works.items():
            apart = difference(work.results(), found)
            if not apart <= tolerance:
                failed.append(f'{name}: {peer} differs by {apart:.1e}')
        timers = {'engine': lambda count: engine.time(name, count)}
        timers |= {peer: (lambda count, work=work: peer_time(work, count)) for peer, work in works.items()}
        counts = {}
        for who, timer in timers.items():
            once = timer(10 if 'outer' not in name else 1)
            counts[who] = max(1, round(options.seconds / once))
            if name.endswith('.hv'):
                counts[who] = max(10, counts[who] // 10 * 10)
        times = {who: [] for who in timers}
        for _ in range(options.rounds):
            for who, timer in timers.items():
                times[who].append(timer(counts[who]))
        for who in timers:
            spread = Spread(times[who])
            line = f'  {who:8} {spread}'
            row = dict(name=name, who=who, median=spread.median, quartiles=spread.quartiles, least=spread.least)
            if who != 'engine':
                row['ratio'] = Spread(times['engine']).median / spread.median
                row['target'] = TARGETS.get((name, who))
                line += f'  engine/peer {row["ratio"]:.2f}'
                if row['target']:
                    line += f' (at most {row["target"]:.2f}{"" if row["ratio"] <= row["target"] else ": MISSED"})'
            rows.append(row)
            print(line, flush=True)
    if options.json:
        with open(options.json, 'w') as file:
            json.dump(rows, file, indent=1)
    for failure in failed:
        print(f'DIFFERENT ITERATES  {failure}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
