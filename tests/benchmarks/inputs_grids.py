"""Nets of pandapower drawn by chance, of kinds that once went wrong, judged by pandapower's own power flow."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandapower
import pandas as pd
from pandapower.auxiliary import pandapowerNet

from grid.cases.case import Case
from grid.cases.cases import load_case
from grid.errors import CaseError
from grid.files.findings import What
from grid.files.pandapower.convert import NoStateError
from grid.files.report import sentence
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Network
from grid.studies.divergence import Divergence, DivergenceCause
from tests.benchmarks.inputs_outcome import Kind, Outcome, Rng, judged, refused, wrong

SAME_PU = 1e-6
SAME_SHARE, SAME_KW = 1e-5, 1e-3  # of the load, and where there is next to none
UNITS = ("p.u.", "kW at the sources")
BELOW = {380.0: 110.0, 220.0: 110.0, 110.0: 20.0, 60.0: 10.0, 20.0: 0.4, 10.0: 0.4}
LENGTH_KM = {380.0: (2, 20), 220.0: (2, 20), 110.0: (1, 15), 60.0: (1, 20), 20.0: (0.3, 6), 10.0: (0.2, 4)}
SHORT_KM = (0.02, 0.2)
LOWEST_PU, HIGHEST_PU = 0.9, 1.1
BEYOND = 1.02  # times the share said, which may not solve


@dataclass(frozen=True, eq=False)
class Solved:
    """A state that somebody else found: voltages by the names of buses, and what the sources give, MW."""

    vm_pu: dict[str, float]
    source_mw: float
    load_mw: float


def drawn_net(rng: Rng, generators: bool = True) -> pandapowerNet:
    """A net of up to 45 buses in one or two voltages, meshed or not, that pandapower solves with usual voltages."""
    while True:
        net = _drawn(rng)
        if _is_usual(net) and _loaded(net, rng, generators):
            return net


def _drawn(rng: Rng) -> pandapowerNet:
    """Without load."""
    upper = float(rng.choice(list(BELOW)))
    net = copy.deepcopy(_empty())
    net.sn_mva = float(rng.choice([1, 10, 100]))
    n_upper, n_lower = int(rng.integers(2, 30)), int(rng.integers(2, 15)) if rng.random() < 0.6 else 0
    numbers = rng.permutation(5 * (n_upper + n_lower))[: n_upper + n_lower]
    level = np.array([upper] * n_upper + [BELOW[upper]] * n_lower)
    for number, kv in zip(numbers, level, strict=True):
        pandapower.create_bus(net, kv, index=int(number), name=f"K{number}")
    pandapower.create_ext_grid(net, int(numbers[0]), vm_pu=float(rng.uniform(0.99, 1.03)))
    for first, count in ((0, n_upper), (n_upper, n_lower)):
        for k in range(1, count):
            _line(net, rng, numbers[first + rng.integers(max(0, k - 4), k)], numbers[first + k])
        for _ in range(int(rng.integers(0, 1 + count // 4))):
            one, other = rng.choice(count, 2, replace=False) if count > 2 else (0, 0)
            if one != other:
                _line(net, rng, numbers[first + one], numbers[first + other])
    if n_lower:
        _transformers(net, rng, numbers[rng.integers(n_upper)], numbers[n_upper])
    return net


@cache
def _empty() -> pandapowerNet:
    """Takes half a second to create."""
    return pandapower.create_empty_network()


def _line(net: pandapowerNet, rng: Rng, start: int, end: int) -> None:
    kv = float(net.bus.vn_kv.loc[start])
    low, high = LENGTH_KM.get(kv, SHORT_KM)
    overhead = kv > 50
    pandapower.create_line_from_parameters(
        net,
        int(start),
        int(end),
        length_km=float(rng.uniform(low, high)),
        r_ohm_per_km=float(rng.uniform(0.03, 0.12) if overhead else rng.uniform(0.1, 0.6)),
        x_ohm_per_km=float(rng.uniform(0.25, 0.42) if overhead else rng.uniform(0.07, 0.35)),
        c_nf_per_km=float(rng.uniform(8, 13) if overhead else rng.uniform(0, 300)),
        max_i_ka=0.5,
        parallel=int(rng.choice([1, 1, 1, 2, 3])),
        name=f"L{len(net.line)} {start}-{end}",
    )


def _transformers(net: pandapowerNet, rng: Rng, high: int, low: int) -> None:
    hv, lv = (float(net.bus.vn_kv.loc[bus]) for bus in (high, low))
    rated = {110.0: 300.0, 20.0: 40.0, 10.0: 30.0}.get(lv, 0.63)
    shift, vkr, ratio = float(rng.choice([0, 30, 150])), float(rng.uniform(0.3, 1.2)), float(rng.uniform(0.98, 1.02))
    for _ in range(int(rng.integers(1, 3))):
        pandapower.create_transformer_from_parameters(
            net,
            int(high),
            int(low),
            sn_mva=rated * float(rng.uniform(0.8, 1.25)),
            vn_hv_kv=hv * ratio,
            vn_lv_kv=lv,
            vkr_percent=vkr,
            vk_percent=vkr * float(rng.uniform(3, 12)),
            pfe_kw=0.001 * 1e3 * rated * float(rng.uniform(0, 1)),
            i0_percent=float(rng.uniform(0.1, 0.4)),
            shift_degree=shift,
            name=f"T{len(net.trafo)}",
        )


def _loaded(net: pandapowerNet, rng: Rng, generators: bool) -> bool:
    """Gives most buses loads within a factor of three, as large as voltages allow; False where none is."""
    buses = net.bus.index.difference(net.ext_grid.bus).to_numpy()
    taking = buses[rng.random(len(buses)) < 0.8]
    largest = 0.3 * float(net.bus.vn_kv.min()) ** 2 / len(buses)
    for bus in taking if len(taking) else buses:
        power, scaling = largest * float(rng.uniform(1, 3)), float(rng.choice([1, 1, 0.5, 2]))
        q_share = float(rng.uniform(0, 0.5))
        pandapower.create_load(net, int(bus), power / scaling, q_share * power / scaling, scaling=scaling)
    if generators:
        for bus in buses[rng.random(len(buses)) < 0.15]:
            pandapower.create_sgen(net, int(bus), *(largest * rng.uniform([0.0, -0.3], [2.0, 0.3])))
    for _ in range(20):
        if _is_usual(net):
            break
        for table in (net.load, net.sgen):
            table[["p_mw", "q_mvar"]] *= 0.5
    if generators and rng.random() < 0.3:
        bus, p_mw = int(rng.choice(buses)), float(rng.uniform(0, 2) * net.load.p_mw.mean())
        pandapower.create_gen(net, bus, p_mw, vm_pu=float(net.res_bus.vm_pu.loc[bus] + rng.uniform(-0.002, 0.002)))
    return _is_usual(net)


def _is_usual(net: pandapowerNet) -> bool:
    try:
        pandapower.runpp(net, init="flat", numba=False)
    except pandapower.LoadflowNotConverged:
        return False
    held = net.res_bus.vm_pu
    return bool(held.min() > LOWEST_PU and held.max() < HIGHEST_PU)


def solved_by_pandapower(net: pandapowerNet, start: str = "flat") -> Solved:
    """The state that pandapower finds."""
    pandapower.runpp(net, init=start, numba=False, tolerance_mva=1e-9, max_iteration=50)
    vm_pu = dict(zip(net.bus.name, net.res_bus.vm_pu.to_numpy(float), strict=True))
    return Solved(vm_pu, float(net.res_ext_grid.p_mw.sum()), float(np.abs(net.res_load.p_mw).sum()))


def base_state(case: Case) -> GridState:
    """The state that the dashboard starts with."""
    network = case.network
    return PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)


def gaps_of(case: Case, theirs: Solved) -> tuple[float, float]:
    """Largest difference of a voltage, p.u., and of what the sources give, kW."""
    state, network = base_state(case), case.network
    ours = dict(zip(network.bus.name, state.vm_pu, strict=True))
    known = {name: value for name, value in theirs.vm_pu.items() if np.isfinite(value)}
    gap_pu = max(abs(float(np.nan_to_num(ours[name], nan=9.0)) - value) for name, value in known.items())
    source_mw = float(state.generator_p_mw[network.generator.is_source].sum())
    return gap_pu, 1e3 * abs(source_mw - theirs.source_mw)


def compared(path: Path, theirs: Solved, *whats: What) -> Outcome:
    """A file as it is read, beside the state that it should have and what should be told of it."""
    case = load_case(str(path), path.parent)
    gaps = gaps_of(case, theirs)
    told = {finding.what for finding in case.report.findings}
    untold = [str(what) for what in whats if what not in told]
    right = gaps[0] <= SAME_PU and gaps[1] <= SAME_KW + 1e3 * SAME_SHARE * theirs.load_mw and not untold
    return judged(right, f"{gaps[0]:.1e} p.u., {gaps[1]:.1e} kW{', not told: ' if untold else ''}{untold or ''}", gaps)


def written(net: pandapowerNet, folder: Path) -> Path:
    """As a file without results."""
    path = folder / "drawn.json"
    clean = copy.copy(net)
    clean.update({name: table.iloc[:0] for name, table in net.items() if name.startswith("res_")})
    pandapower.to_json(clean, str(path))
    return path


def no_reactance(rng: Rng, folder: Path) -> Outcome:
    """Lines, transformers and impedances with r > 0 and x = 0, some or all of them."""
    while True:
        net = _without_reactance(rng)
        try:
            theirs = solved_by_pandapower(net)
        except pandapower.LoadflowNotConverged:
            continue  # it has none
        return compared(written(net, folder), theirs, What.NO_REACTANCE)


def _without_reactance(rng: Rng) -> pandapowerNet:
    net = drawn_net(rng)
    if rng.random() < 0.3:
        _impedance(net, rng)
    share = float(rng.choice([0.1, 0.5, 1.0]))
    changed = 0
    for table in ("line", "trafo", "impedance"):
        frame = net[table]
        at = frame.index[rng.random(len(frame)) < share]
        changed += len(at)
        if table == "line":
            frame.loc[at, "x_ohm_per_km"] = 0.0
        elif table == "trafo":
            frame.loc[at, "vk_percent"] = frame.loc[at, "vkr_percent"]
        else:
            frame.loc[at, ["xft_pu", "xtf_pu"]] = 0.0
    if not changed:
        net.line.loc[rng.choice(net.line.index), "x_ohm_per_km"] = 0.0
    return net


def _impedance(net: pandapowerNet, rng: Rng) -> None:
    """A line as an impedance in p.u."""
    line = net.line.loc[rng.choice(net.line.index)]
    base_ohm = net.bus.vn_kv.loc[line.from_bus] ** 2 / net.sn_mva
    r, x = (line[f"{part}_ohm_per_km"] * line.length_km / base_ohm for part in "rx")
    pandapower.create_impedance(net, int(line.from_bus), int(line.to_bus), r, x, net.sn_mva, name="Z")


def wards(rng: Rng, folder: Path) -> Outcome:
    """Wards and extended wards, some out of service, at any buses."""
    net = drawn_net(rng)
    load_mw = float(net.load.p_mw.mean())
    kinds = []
    for bus in rng.choice(net.bus.index, int(rng.integers(1, 5))):
        kv, service = float(net.bus.vn_kv.loc[bus]), bool(rng.random() < 0.7)
        powers = [float(power) for power in rng.uniform(-0.3, 0.5, 4) * load_mw]
        extended = bool(rng.random() < 0.65)
        if extended:
            r, x = (float(rng.uniform(low, 0.2)) * kv**2 / max(load_mw, 1e-6) for low in (0.0, 0.05))
            r = r if rng.random() < 0.7 else 0.0
            vm_pu = float(net.res_bus.vm_pu.loc[bus] + rng.uniform(-0.01, 0.01))
            pandapower.create_xward(net, int(bus), *powers, r_ohm=r, x_ohm=x, vm_pu=vm_pu, in_service=service)
        else:
            pandapower.create_ward(net, int(bus), *powers, in_service=service)
        kinds += [What.EXTENDED_WARD] if extended and service else []
    return compared(written(net, folder), solved_by_pandapower(net), *kinds[:1])


def shared_loads(rng: Rng, folder: Path) -> Outcome:
    """Loads of which shares are constant impedance and constant current; several at a bus each have their own."""
    net = drawn_net(rng)
    for bus in rng.choice(net.load.bus, int(rng.integers(0, 3))):
        pandapower.create_load(net, int(bus), 0.3 * float(net.load.p_mw.mean()), in_service=bool(rng.random() < 0.7))
    columns = [f"const_{kind}_{quantity}_percent" for quantity in "pq" for kind in "zi"]
    net.load[columns] = 0.0
    depends = net.load.index[rng.random(len(net.load)) < rng.choice([0.2, 1.0])]
    depends = depends if len(depends) else net.load.index[:1]
    for index in depends:
        for quantity in "pq":
            shares = 100 * rng.dirichlet([1, 1, 1])[:2] * rng.choice([0, 1], 2, p=[0.25, 0.75])
            net.load.loc[index, [f"const_{kind}_{quantity}_percent" for kind in "zi"]] = shares
    told = [What.VOLTAGE_DEPENDENT_LOAD] if (net.load.loc[net.load.in_service, columns] > 0).to_numpy().any() else []
    return compared(written(net, folder), _settled(net, columns), *told)


def _settled(net: pandapowerNet, columns: list[str]) -> Solved:
    """By pandapower, with loads of constant power that follow z v^2 + i v + rest until nothing moves."""
    plain = copy.deepcopy(net)
    plain.load[columns] = 0.0
    nominal = plain.load[["p_mw", "q_mvar"]].copy()
    for _ in range(60):
        found = solved_by_pandapower(plain)
        v = plain.res_bus.vm_pu.loc[net.load.bus].to_numpy()
        before = plain.load[["p_mw", "q_mvar"]].to_numpy(copy=True)
        for quantity, column in (("p", "p_mw"), ("q", "q_mvar")):
            z, i = (net.load[f"const_{kind}_{quantity}_percent"].to_numpy() / 100 for kind in "zi")
            plain.load[column] = nominal[column] * (z * v**2 + i * v + 1 - z - i)
        if np.abs(plain.load[["p_mw", "q_mvar"]].to_numpy() - before).max() < 1e-13 * float(np.abs(before).max()):
            break
    return found


def two_voltages(rng: Rng, folder: Path) -> Outcome:
    """Lines whose ends have different nominal voltages; of a sound net, one in five is tried, there must be no word."""
    net = drawn_net(rng)
    if rng.random() < 0.2:
        sound = load_case(str(written(net, folder)), folder)
        if any(finding.what is What.TWO_VOLTAGES for finding in sound.report.findings):
            return wrong("told of a sound net")
    levels = net.bus.vn_kv.unique()
    if len(levels) == 2 and rng.random() < 0.5:
        one, other = (int(rng.choice(net.bus.index[net.bus.vn_kv == kv])) for kv in levels)
        _line(net, rng, *((one, other) if rng.random() < 0.5 else (other, one)))
    else:
        free = net.bus.index.difference(pd.concat([net.ext_grid.bus, net.trafo.hv_bus, net.trafo.lv_bus]))
        bus = int(rng.choice(free if len(free) else net.bus.index[1:]))
        net.bus.loc[bus, "vn_kv"] *= float(rng.choice([0.5, 0.9, 1.1, 2.0, 11.0, 1000.0]))
    kv = net.line[["from_bus", "to_bus"]].apply(lambda ends: ends.map(net.bus.vn_kv))
    apart = net.line.index[kv.from_bus != kv.to_bus]
    if rng.random() < 0.2:
        net.line.loc[apart, "in_service"] = False
    expected = {f'line {index} "{net.line.name.loc[index]}"' for index in apart}
    path = written(net, folder)
    try:
        case = load_case(str(path), folder)
    except CaseError as error:
        return refused(any(name in str(error) for name in expected), str(error))
    told = [finding for finding in case.report.findings if finding.what is What.TWO_VOLTAGES]
    named = set(told[0].elements) if told else set()
    right = named == expected
    said = sentence(told[0]) if told else f"nothing; lines {', '.join(sorted(expected))}"
    return judged(right, said if not told or right else f"{said} Expected {', '.join(sorted(expected))}.")


def overload(rng: Rng, folder: Path) -> Outcome:
    """All loads grown, or one of them, until pandapower finds no state; the reason and its share are checked."""
    net = drawn_net(rng, generators=False)
    if rng.random() < 0.3:
        source = net.ext_grid.iloc[0]
        pandapower.create_gen(net, int(source.bus), 0.0, vm_pu=float(source.vm_pu), slack=bool(rng.random() < 0.5))
        net.ext_grid["in_service"] = not net.gen.slack.any()
    alone = len(net.load) > 2 and rng.random() < 0.4
    grown = [int(rng.choice(net.load.index))] if alone else list(net.load.index)
    for _ in range(60):
        net.load.loc[grown, "scaling"] *= 1.5
        if not _has_state(net):
            break
    net.load.loc[grown, "scaling"] *= float(rng.uniform(1.1, 4))
    path = written(net, folder)
    try:
        case = load_case(str(path), folder)
    except NoStateError as error:
        return _reason(net, error, grown if alone else [])
    ours = dict(zip(case.network.bus.name, base_state(case).vm_pu, strict=True))
    return wrong(f"loads with voltages down to {min(ours.values()):.3g} p.u., where pandapower finds no state")


def _has_state(net: pandapowerNet) -> bool:
    try:
        pandapower.runpp(net, init="flat", numba=False, max_iteration=30)
    except pandapower.LoadflowNotConverged:
        return False
    return True


def _reason(net: pandapowerNet, error: NoStateError, grown: list[int]) -> Outcome:
    """Whether the cause is true, and the share said solves while BEYOND times it doesn't: by both power flows."""
    found = error.divergence
    mva = np.hypot(net.load.p_mw, net.load.q_mvar) * net.load.scaling
    if found.cause is DivergenceCause.LOAD:
        right = [net.load.index[at] for at in found.at] == grown
    else:
        largest = mva.drop(grown).max() if grown else np.inf
        right = found.cause is DivergenceCause.TOO_MUCH_LOAD and (not grown or mva.loc[grown[0]] < 5.1 * largest)
    if not right:
        return wrong(f"the reason isn't the true one: {error}")
    checks = {
        "our power flow": _ends(lambda share, start: _ours(error.network, share, start), found),
        "pandapower's": _ends(lambda share, start: _theirs(net, share, start), found),
    }
    failed = [f"{who}: {what}" for who, what in checks.items() if what]
    if failed or f"{100 * found.share:.3g} %" not in str(error):
        return wrong(f"{'; '.join(failed)}: {error}")
    return refused(True, str(error))


def _ends(solved: Callable[[float, object], object | None], found: Divergence) -> str:
    """What is wrong with a share, by a power flow that gives None where it finds no state; the states lead to it."""
    state = None
    for part in (0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 1.0):
        further = solved(part * found.share, state)
        if further is None and part < 1:
            return f"{part:g} times {found.share:.4f} of the load doesn't solve"
        state = further if further is not None else state
    if further is None:
        return f"{found.share:.4f} of the load doesn't solve"
    beyond = solved(BEYOND * found.share, state)
    return "" if beyond is None else f"{BEYOND:g} times {found.share:.4f} of the load solves"


def _ours(network: Network, share: float, start: object) -> GridState | None:
    given = Injection.of_case(network)
    part = replace(given, load_p_mw=share * given.load_p_mw, load_q_mvar=share * given.load_q_mvar)
    voltage = start.voltage if isinstance(start, GridState) else None
    try:
        return PowerFlow(network).solve(part, network.branch.closed, voltage)
    except PowerFlowDivergedError:
        return None


def _theirs(net: pandapowerNet, share: float, start: object) -> pandapowerNet | None:
    part = copy.deepcopy(start if isinstance(start, pandapowerNet) else net)
    part.load["scaling"] = share * net.load.scaling
    try:
        pandapower.runpp(part, init="flat" if start is None else "results", numba=False, max_iteration=30)
    except pandapower.LoadflowNotConverged:
        return None
    return part


BY_RUNPP = "pandapower.runpp"
KINDS = (
    Kind(
        name="x0-json",
        words="branches with x = 0 and r > 0, pandapower JSON",
        judge=BY_RUNPP,
        inputs=60,
        tried=no_reactance,
        units=UNITS,
    ),
    Kind(
        name="wards",
        words="wards and extended wards, in and out of service",
        judge=BY_RUNPP,
        inputs=60,
        tried=wards,
        units=UNITS,
    ),
    Kind(
        name="two-voltages",
        words="lines that join two voltages",
        judge="the construction: which lines they are",
        inputs=60,
        tried=two_voltages,
    ),
    Kind(
        name="shares",
        words="loads of constant impedance and current in shares",
        judge="pandapower.runpp, loads moved by S0 (z v² + i v + rest) until they rest",
        inputs=60,
        tried=shared_loads,
        units=UNITS,
    ),
    Kind(
        name="overload",
        words="more load than the grid carries",
        judge=f"pandapower.runpp and our power flow: the share said solves, {BEYOND:g} times it doesn't",
        inputs=60,
        tried=overload,
    ),
)
