"""MATPOWER cases drawn by chance around a state that is drawn first: the file's powers are what its branches carry.

So the right voltages need no solver: each bus takes S = V conj(Y V), with Y from the branch equations of MATPOWER's
manual (3.2).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from grid.files.findings import What
from tests.benchmarks.inputs_grids import UNITS, Solved, compared
from tests.benchmarks.inputs_outcome import Kind, Outcome, Rng

PQ, PV, REF, ISOLATED = 1, 2, 3, 4
LEVELS_KV = ((12.66,), (0.4,), (20.0, 0.4), (110.0, 20.0), (345.0, 138.0), (380.0, 110.0, 20.0))
LARGEST_DROP, LARGEST_PU = 0.01, 0.4  # of a branch's voltage, and its current
TIE_APART_PU = 0.04
MEANINGLESS = (0.0, np.nan, 9.0, -1.0, np.inf, 230.0)
IN_KW = """[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD] = idx_bus;
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
"""


@dataclass(eq=False)
class Drawn:
    """A case in MATPOWER's matrices, to be changed in place, and the voltages of its n buses."""

    base_mva: float
    bus: NDArray[np.float64]
    gen: NDArray[np.float64]
    branch: NDArray[np.float64]
    voltage: NDArray[np.complex128]

    def solved(self) -> Solved:
        """The state, from the voltages; isolated buses have none."""
        vm_pu = {
            f"Bus {row[0]:.0f}": abs(v) for row, v in zip(self.bus, self.voltage, strict=True) if row[1] != ISOLATED
        }
        source = self.bus[self.bus[:, 1] == REF, 0]
        given = np.isin(self.gen[:, 0], source) & (self.gen[:, 7] > 0)
        return Solved(vm_pu, float(self.gen[given, 1].sum()), float(np.abs(self.bus[:, 2]).sum()))


def drawn_case(rng: Rng, zero_x: float = 0.0) -> Drawn:
    """A case of 2 to 60 buses. zero_x: share of branches with x = 0; one at least where it is above 0."""
    n, base_mva = int(rng.integers(2, 61)), float(rng.choice([1, 10, 100, 1000]))
    levels = LEVELS_KV[rng.integers(len(LEVELS_KV))]
    level = np.sort(rng.integers(0, len(levels), n))
    level -= level[0]
    parent = np.array([0, *(rng.integers(max(0, k - 5), k) for k in range(1, n))])
    rows = [_branch(rng, parent[k], k, level[parent[k]] != level[k]) for k in range(1, n)]
    branch = np.array(rows)
    branch[rng.random(len(branch)) < zero_x, 3] = 0.0
    if zero_x:
        branch[rng.integers(len(branch)), 3] = 0.0
    voltage = np.full(n, rng.uniform(0.98, 1.04), dtype=np.complex128)
    for k in range(1, n):
        voltage[k] = _other_end(rng, branch[k - 1], voltage[parent[k]], int(parent[k]))
    ties = _ties(rng, voltage, level, zero_x)
    branch = np.concatenate([branch, ties]) if len(ties) else branch
    bus = np.zeros((n, 13))
    bus[:, 0], bus[:, 1], bus[:, 9] = np.arange(n), PQ, np.array(levels)[level]
    bus[:, 6], bus[:, 7], bus[:, 10], bus[:, 11], bus[:, 12] = 1, 1, 1, 1.1, 0.9
    shunted = rng.random(n) < 0.15
    bus[shunted, 4:6] = rng.uniform(-0.1, 0.2, (int(shunted.sum()), 2)) * base_mva
    power = base_mva * _bus_power(branch, bus, voltage, base_mva)
    bus[0, 1] = REF
    reactive = _reactive_path(branch, parent)
    bus[1:, 1] = np.where((rng.random(n - 1) < rng.choice([0.0, 0.2])) & reactive[1:], PV, PQ)
    bus[:, 2:4] = np.where(bus[:, [1]] == PQ, -np.stack([power.real, power.imag], axis=1), 0.1 * base_mva)
    held = np.flatnonzero(bus[:, 1] != PQ)
    gen = np.zeros((len(held), 10))
    gen[:, 0], gen[:, 1], gen[:, 2] = held, power[held].real + bus[held, 2], power[held].imag + bus[held, 3]
    gen[:, 3:5], gen[:, 5], gen[:, 6], gen[:, 7], gen[:, 8] = [1e4, -1e4], np.abs(voltage[held]), base_mva, 1, 1e4
    if rng.random() < 0.3:
        bus[:, 7], bus[:, 8] = np.abs(voltage), np.angle(voltage, deg=True)
    return Drawn(base_mva, bus, gen, branch, voltage)


def _reactive_path(branch: NDArray[np.float64], parent: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether the way to a bus has about as much x as r; without, a generator there has two states, or none."""
    z = np.zeros(len(parent), dtype=complex)
    for k in range(1, len(parent)):
        z[k] = z[parent[k]] + complex(branch[k - 1, 2], branch[k - 1, 3])
    held: NDArray[np.bool_] = z.imag > 0.5 * z.real
    return held


def _branch(rng: Rng, start: int, end: int, transformer: bool) -> list[float]:
    """A row of mpc.branch, in either direction."""
    r = float(10 ** rng.uniform(-4, -1.3))
    x, b = r * float(rng.uniform(0.4, 6)), 0.0 if transformer else float(rng.choice([0, rng.uniform(0, 0.01)]))
    tap, shift = (float(rng.uniform(0.94, 1.06)), float(rng.choice([0, 0, -30]))) if transformer else (0.0, 0.0)
    ends = (start, end) if rng.random() < 0.5 else (end, start)
    return [*map(float, ends), r, x, b, 0, 0, 0, tap, shift, 1, -360, 360]


def _tap(branch: NDArray[np.float64]) -> NDArray[np.complex128]:
    ratio = np.where(branch[..., 8] == 0, 1.0, branch[..., 8])
    tap: NDArray[np.complex128] = ratio * np.exp(1j * np.deg2rad(branch[..., 9]))
    return tap


def _other_end(rng: Rng, branch: NDArray[np.float64], known: complex, bus: int) -> complex:
    """The voltage behind a branch that carries some current from the bus whose voltage is known."""
    z = complex(branch[2], branch[3])
    drop = min(LARGEST_DROP, LARGEST_PU * abs(z)) * rng.uniform(0.2, 1) * np.exp(1j * rng.uniform(-2, 2))
    tap = complex(_tap(branch))
    return complex(known / tap - drop) if branch[0] == bus else complex((known - drop) * tap)


def _ties(rng: Rng, voltage: NDArray[np.complex128], level: NDArray[np.int64], zero_x: float) -> NDArray[np.float64]:
    """Further lines between buses of one level whose voltages are near each other; without current none carries."""
    rows = []
    for _ in range(int(rng.integers(0, 1 + len(voltage) // 3))):
        one, other = (int(bus) for bus in rng.integers(0, len(voltage), 2))
        apart = abs(voltage[one] - voltage[other])
        if one == other or level[one] != level[other] or apart > TIE_APART_PU:
            continue
        row = _branch(rng, one, other, transformer=False)
        if rng.random() < zero_x:
            row[3] = 0.0
        least = apart / LARGEST_PU / abs(complex(row[2], row[3]))
        row[2:4] = [part * max(1.0, least) for part in row[2:4]]
        row[10] = float(rng.random() < 0.8)
        rows.append(row)
    return np.array(rows)


def _bus_power(
    branch: NDArray[np.float64], bus: NDArray[np.float64], voltage: NDArray[np.complex128], base_mva: float
) -> NDArray[np.complex128]:
    """(n,) what each bus feeds into branches and shunts, p.u."""
    y = np.diag((bus[:, 4] + 1j * bus[:, 5]) / base_mva)
    for row in branch[branch[:, 10] == 1]:
        f, t = int(row[0]), int(row[1])
        series, charging, tap = 1 / complex(row[2], row[3]), 0.5j * row[4], complex(_tap(row))
        y[f, f] += (series + charging) / abs(tap) ** 2
        y[t, t] += series + charging
        y[f, t] -= series / tap.conjugate()
        y[t, f] -= series / tap
    power: NDArray[np.complex128] = voltage * np.conj(y @ voltage)
    return power


def written(case: Drawn, rng: Rng, folder: Path) -> Path:
    """As .m or .mat, with numbers for buses that don't follow each other and rows in any order."""
    numbers = rng.permutation(9 * len(case.bus))[: len(case.bus)] + 1.0
    case.bus[:, 0] = numbers
    case.gen[:, 0] = numbers[case.gen[:, 0].astype(int)]
    case.branch[:, :2] = numbers[case.branch[:, :2].astype(int)]
    bus, gen, branch = (
        matrix[rng.permutation(len(matrix))] if rng.random() < 0.7 else matrix
        for matrix in (case.bus, case.gen, case.branch)
    )
    if rng.random() < 0.25:
        path = folder / "drawn.mat"
        savemat(path, {"mpc": {"version": "2", "baseMVA": case.base_mva, "bus": bus, "gen": gen, "branch": branch}})
        return path
    in_kw = rng.random() < 0.3
    if in_kw:
        bus = bus.copy()
        bus[:, 2:4] *= 1e3
    path = folder / "drawn.m"
    matrices = "".join(
        f"mpc.{name} = [{_text(rng, matrix)}];\n" for name, matrix in (("bus", bus), ("gen", gen), ("branch", branch))
    )
    head = f"function mpc = drawn\nmpc.version = '2';\nmpc.baseMVA = {case.base_mva!r};\n"
    path.write_text(head + matrices + (IN_KW if in_kw else ""), encoding="utf-8")
    return path


def _text(rng: Rng, matrix: NDArray[np.float64]) -> str:
    """A matrix as MATLAB reads it, in one of the ways people write it."""
    between, after = (str(rng.choice(choices)) for choices in (["\t", " ", ", "], [";\n", "; ", "\n"]))
    words = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
    rows = [between.join(words.get(repr(float(v)), repr(float(v))) for v in row) for row in matrix]
    return after.join(rows)


def no_reactance(rng: Rng, folder: Path) -> Outcome:
    """BR_X 0 at one, some or all branches, lines and transformers."""
    case = drawn_case(rng, zero_x=float(rng.choice([1e-9, 0.3, 1.0])))
    return compared(written(case, rng, folder), case.solved(), What.NO_REACTANCE)


def no_voltage(rng: Rng, folder: Path) -> Outcome:
    """BASE_KV 0 at one, some or all buses."""
    case = drawn_case(rng)
    unknown = rng.random(len(case.bus)) < rng.choice([0.1, 0.5, 1.1])
    unknown[rng.integers(len(unknown))] = True
    case.bus[unknown, 9] = 0.0
    return compared(written(case, rng, folder), case.solved(), What.NO_NOMINAL_VOLTAGE)


def no_set_point(rng: Rng, folder: Path) -> Outcome:
    """VG that means nothing, at PQ buses, at an isolated one, and of generators out of service anywhere."""
    case = drawn_case(rng)
    rows = []
    for _ in range(int(rng.integers(1, 6))):
        bus, service = int(rng.integers(len(case.bus))), rng.random() < 0.6
        if case.bus[bus, 1] != PQ:
            service = False
        power = rng.uniform(-0.2, 0.4, 2) * case.base_mva
        if service:
            case.bus[bus, 2:4] += power
        rows.append([bus, *power, 1e4, -1e4, float(rng.choice(MEANINGLESS)), case.base_mva, float(service), 1e4, 0])
    if rng.random() < 0.3:
        case.bus = np.concatenate([case.bus, case.bus[:1]])
        case.bus[-1, [0, 1]] = len(case.bus) - 1, ISOLATED
        case.voltage = np.append(case.voltage, np.nan)
        rows.append([len(case.bus) - 1, 1, 0, 1, -1, float(rng.choice(MEANINGLESS)), case.base_mva, 1, 1, 0])
    case.gen = np.concatenate([case.gen, np.array(rows)])
    return compared(written(case, rng, folder), case.solved())


JUDGE = "the construction: powers from the voltages"
KINDS = (
    Kind(
        name="x0-matpower",
        words="branches with x = 0 and r > 0, MATPOWER",
        judge=JUDGE,
        inputs=60,
        tried=no_reactance,
        units=UNITS,
    ),
    Kind(
        name="base-kv-0",
        words="BASE_KV 0 at one, some or all buses",
        judge=JUDGE,
        inputs=60,
        tried=no_voltage,
        units=UNITS,
    ),
    Kind(
        name="vg",
        words="VG that means nothing (0, NaN, Inf, -1, 9, 230)",
        judge=JUDGE,
        inputs=60,
        tried=no_set_point,
        units=UNITS,
    ),
)
