"""The judge of dispatch: pandapower's AC optimal power flow with minimum losses, under exactly our limits."""

import time
from dataclasses import dataclass, replace

import numpy as np
import pandapower
import pandapower.networks

from grid.network import FloatArray, Network
from grid.powerflow import Injection, PowerFlow
from ml.dispatch_check import Verdict, judge
from ml.dispatch_grid import DispatchLimits

UNRATED_PERCENT = 1e6
EXACT = {
    "PDIPM_COSTTOL": 1e-9,
    "PDIPM_GRADTOL": 1e-8,
    "PDIPM_FEASTOL": 1e-8,
    "PDIPM_COMPTOL": 1e-9,
}  # with its own tolerances runopp stops up to 0.4 % above the optimum of case14


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimal power flow's answer, solved again by our power flow; None where it did not converge.

    The verdict is of a solution to the tightest tolerances that converge; seconds are of runopp's own, which is faster.
    """

    verdict: Verdict | None
    seconds: float
    start: str


class Judge:
    """Minimum losses by pandapower.runopp: a cost of 1 a MW on every generator and external grid."""

    def __init__(self, name: str, network: Network, limits: DispatchLimits) -> None:
        """The built-in case of that name, without other costs, its limits set to ours."""
        self.network, self.limits = network, limits
        net = self._net = getattr(pandapower.networks, name)()
        for table in (net.poly_cost, net.pwl_cost):
            table.drop(table.index, inplace=True)
        count = len(net.ext_grid)
        for table, element, part in ((net.ext_grid, "ext_grid", slice(0, count)), (net.gen, "gen", slice(count, None))):
            table["controllable"] = True
            table["min_p_mw"], table["max_p_mw"] = limits.min_p_mw[part], limits.max_p_mw[part]
            table["min_q_mvar"], table["max_q_mvar"] = limits.min_q_mvar[part], limits.max_q_mvar[part]
            for index in table.index:
                pandapower.create_poly_cost(net, index, element, cp1_eur_per_mw=1.0)
        net.load["controllable"] = False
        net.bus["min_vm_pu"], net.bus["max_vm_pu"] = limits.min_vm_pu, limits.max_vm_pu
        lines = len(net.line)
        for table, part in ((net.line, slice(0, lines)), (net.trafo, slice(lines, None))):
            percent = limits.max_loading_percent[part]
            table["max_loading_percent"] = np.where(np.isfinite(percent), percent, UNRATED_PERCENT)

    def solve(self, injection: Injection, ours: Injection) -> Optimum:
        """The optimum for the loads of an injection, starting from its power flow or, if that fails, from ours."""
        net = self._net
        net.load["p_mw"], net.load["q_mvar"] = injection.load_p_mw, injection.load_q_mvar
        for name, start in (("present", injection), ("ours", ours)):
            self._set(start)
            began = time.perf_counter()
            if not self._converges({}):
                continue
            seconds = time.perf_counter() - began
            found = [self._solved_again(injection)]
            if self._converges(EXACT):
                found.append(self._solved_again(injection))
            return Optimum(found[-1], seconds, name)
        return Optimum(None, np.nan, "none")

    def _converges(self, options: dict[str, float]) -> bool:
        try:
            pandapower.runopp(self._net, init="pf", calculate_voltage_angles=True, **options)
        except (pandapower.OPFNotConverged, pandapower.LoadflowNotConverged):
            return False
        return True

    def _set(self, injection: Injection) -> None:
        """Set-points to start from, within the band: one outside would widen it."""
        count = len(self._net.ext_grid)
        bus = self.network.generator.bus
        vm = np.clip(injection.generator_vm_pu, self.limits.min_vm_pu[bus], self.limits.max_vm_pu[bus])
        self._net.ext_grid["vm_pu"], self._net.gen["vm_pu"] = vm[:count], vm[count:]
        self._net.gen["p_mw"] = injection.generator_p_mw[count:]

    def _solved_again(self, injection: Injection) -> Verdict:
        """What the optimum's set-points lead to in our power flow: its own losses are rounded by its mismatch."""
        net = self._net
        p: FloatArray = np.concatenate([net.res_ext_grid.p_mw, net.res_gen.p_mw])
        vm = net.res_bus.vm_pu.to_numpy()[self.network.generator.bus]
        optimum = replace(injection, generator_p_mw=p, generator_vm_pu=vm)
        state = PowerFlow(self.network).solve(optimum, self.network.branch.closed)
        return judge(self.network, optimum, state, self.limits)
