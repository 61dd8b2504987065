"""The judge of dispatch: the AC optimal power flow of least losses, by pandapower's interior point and by IPOPT.

An answer counts only where its set-points, solved again by the project's own power flow, keep every limit. Of two that
do, the one that loses less is the optimum; where none does there is no verdict.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
import pandapower

from grid.cases.cases import BUILT_IN
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Network
from ml.optimisation.dispatch.grid import DispatchLimits
from tests.benchmarks.acopf import AcOpf
from tests.benchmarks.dispatch_check import check

UNRATED_PERCENT = 1e6
EXACT = {
    "PDIPM_COSTTOL": 1e-9,
    "PDIPM_GRADTOL": 1e-8,
    "PDIPM_FEASTOL": 1e-8,
    "PDIPM_COMPTOL": 1e-9,
}  # with its own tolerances runopp stops up to 0.4 % above the optimum of case14
RUNOPP, IPOPT = "runopp", "IPOPT"


@dataclass(frozen=True, eq=False)
class Answer:
    """A solver's losses within the limits, NaN where it found none, and the time it took."""

    loss_mw: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Optimum:
    """What the solvers answered, by name."""

    answers: dict[str, Answer]

    @property
    def loss_mw(self) -> float:
        """Least losses within the limits; NaN where there is no verdict."""
        found = [answer.loss_mw for answer in self.answers.values() if np.isfinite(answer.loss_mw)]
        return min(found, default=np.nan)

    @property
    def disagreement_percent(self) -> float:
        """By how much the answers differ; NaN where there are fewer than two."""
        found = [answer.loss_mw for answer in self.answers.values() if np.isfinite(answer.loss_mw)]
        return 100 * (max(found) / min(found) - 1) if len(found) > 1 else np.nan


class Judge:
    """Least losses of a built-in case in its own switch states. Both solvers start from the present or from a plan."""

    def __init__(self, name: str, network: Network) -> None:
        self.network = network
        self._flow, self._acopf = PowerFlow(network), AcOpf(network)
        net = self._net = BUILT_IN[name][1]()
        for table in (net.poly_cost, net.pwl_cost):
            table.drop(table.index, inplace=True)
        for table, element in ((net.ext_grid, "ext_grid"), (net.gen, "gen")):
            table["controllable"] = True
            for index in table.index:
                pandapower.create_poly_cost(net, index, element, cp1_eur_per_mw=1.0)
        net.load["controllable"] = net.sgen["controllable"] = False
        sources, both = len(net.ext_grid), len(net.ext_grid) + len(net.gen)
        self._source, self._generator = slice(0, sources), slice(sources, both)  # the rest are static generators
        self._static = slice(both, None)

    def optimum(
        self, injection: Injection, limits: DispatchLimits, plan: Injection, solvers: tuple[str, ...] = (RUNOPP, IPOPT)
    ) -> Optimum:
        """The optimum for the loads of an injection, starting from it or, where that fails, from a plan."""
        by_name = {RUNOPP: self._runopp, IPOPT: self._ipopt}
        return Optimum({name: by_name[name](injection, limits, plan) for name in solvers})

    def _ipopt(self, injection: Injection, limits: DispatchLimits, plan: Injection) -> Answer:
        for start in _starts(injection, plan):
            began = time.perf_counter()
            found = self._acopf.solve(injection, limits, start)
            seconds = time.perf_counter() - began
            if found is not None:
                return Answer(self._confirmed_mw(found, limits), seconds)
        return Answer(np.nan, np.nan)

    def _runopp(self, injection: Injection, limits: DispatchLimits, plan: Injection) -> Answer:
        """Losses of the tightest tolerances that converge; time of pandapower's own, which is faster."""
        self._limit(limits)
        net = self._net
        net.load["p_mw"], net.load["q_mvar"] = injection.load_p_mw, injection.load_q_mvar
        net.sgen["p_mw"], net.sgen["q_mvar"] = (
            power[self._static] for power in (injection.generator_p_mw, injection.generator_q_mvar)
        )
        for start in _starts(injection, plan):
            self._begin_at(start, limits)
            began = time.perf_counter()
            if not self._converges({}):
                continue
            seconds = time.perf_counter() - began
            found = self._set_points(injection)
            if self._converges(EXACT):
                found = self._set_points(injection)
            return Answer(self._confirmed_mw(found, limits), seconds)
        return Answer(np.nan, np.nan)

    def _confirmed_mw(self, found: Injection, limits: DispatchLimits) -> float:
        """Losses of set-points by our own power flow; NaN where they don't keep the limits."""
        try:
            state = self._flow.solve(found, self.network.branch.closed)
        except PowerFlowDivergedError:
            return np.nan
        checked = check(self.network, found, state, limits)
        return checked.loss_mw if checked.feasible else np.nan

    def _limit(self, limits: DispatchLimits) -> None:
        """Set the net's limits to ours: those of currents as shares of its own ratings."""
        net, branch, vn_kv = self._net, self.network.branch, self.network.bus.vn_kv
        for table, part in ((net.ext_grid, self._source), (net.gen, self._generator)):
            table["min_p_mw"], table["max_p_mw"] = limits.min_p_mw[part], limits.max_p_mw[part]
            table["min_q_mvar"], table["max_q_mvar"] = limits.min_q_mvar[part], limits.max_q_mvar[part]
        net.bus["min_vm_pu"], net.bus["max_vm_pu"] = limits.min_vm_pu, limits.max_vm_pu
        ends = branch.rating_from_ka * vn_kv[branch.from_bus], branch.rating_to_ka * vn_kv[branch.to_bus]
        most_mva = np.sqrt(3.0) * np.minimum(*ends) * limits.max_loading_percent / 100.0
        line, trafo, lines = net.line, net.trafo, len(net.line)
        line_mva = np.sqrt(3.0) * line.max_i_ka * line.df * line.parallel * net.bus.vn_kv.loc[line.from_bus].to_numpy()
        trafo_mva = trafo.sn_mva * trafo.df * trafo.parallel
        for table, own_mva, part in ((line, line_mva, slice(0, lines)), (trafo, trafo_mva, slice(lines, None))):
            percent = 100 * most_mva[part][: len(table)] / own_mva.to_numpy()
            table["max_loading_percent"] = np.where(np.isfinite(percent), percent, UNRATED_PERCENT)

    def _converges(self, options: dict[str, float]) -> bool:
        try:
            pandapower.runopp(self._net, init="pf", calculate_voltage_angles=True, **options)
        except (pandapower.OPFNotConverged, pandapower.LoadflowNotConverged):
            return False
        return True

    def _begin_at(self, injection: Injection, limits: DispatchLimits) -> None:
        """Set-points to start from, within the band: one outside would widen it."""
        net, bus = self._net, self.network.generator.bus
        vm = np.clip(injection.generator_vm_pu, limits.min_vm_pu[bus], limits.max_vm_pu[bus])
        net.ext_grid["vm_pu"], net.gen["vm_pu"] = vm[self._source], vm[self._generator]
        net.gen["p_mw"] = injection.generator_p_mw[self._generator]

    def _set_points(self, injection: Injection) -> Injection:
        """The solution's set-points: its own losses are rounded by its mismatch."""
        net, p_mw = self._net, injection.generator_p_mw.copy()
        p_mw[self._source], p_mw[self._generator] = net.res_ext_grid.p_mw, net.res_gen.p_mw
        vm = net.res_bus.vm_pu.to_numpy()[self.network.generator.bus]
        holding = self.network.generator.holds_voltage
        return replace(injection, generator_p_mw=p_mw, generator_vm_pu=np.where(holding, vm, injection.generator_vm_pu))


def _starts(injection: Injection, plan: Injection) -> tuple[Injection, ...]:
    return (injection,) if plan is injection else (injection, plan)
