"""Points of the Sobol sequence as SciPy has them, for test_sobol.

    python tests/golden/make_sobol_goldens.py >tests/golden/sobol.txt

One line a point: its index, then its coordinates as fractions of 2^30 (SciPy's precision
by default). SciPy goes through the points in the order of Gray code, so its n-th has the
index n ^ (n >> 1).
"""

from scipy.stats import qmc

DIMENSIONS = 64

for n in list(range(8)) + [100, 1023, 65537, 1048575, 987654321]:
    engine = qmc.Sobol(DIMENSIONS, scramble=False)
    if n:
        engine.fast_forward(n)
    point = engine.random(1)[0]
    print(n ^ (n >> 1), *(int(x * 2**30) for x in point))
