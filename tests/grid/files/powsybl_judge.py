"""pypowsybl's own power flow of a network, without what our readers don't run: limits, controls, sharing."""

import numpy as np
import pypowsybl.loadflow as powsybl_flow
import pypowsybl.network as powsybl
from numpy.typing import NDArray

PRECISION = {"newtonRaphsonConvEpsPerEq": "1e-7"}


def judge(network: powsybl.Network, slack: str | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Voltages in p.u. and degrees by bus, and losses in MW; slack: the bus that takes the difference."""
    named = {} if slack is None else {"slackBusSelectionMode": "NAME", "slackBusesIds": slack}
    parameters = powsybl_flow.Parameters(
        use_reactive_limits=False,
        distributed_slack=False,
        read_slack_bus=slack is None,
        voltage_init_mode=powsybl_flow.VoltageInitMode.DC_VALUES,
        transformer_voltage_control_on=False,
        shunt_compensator_voltage_control_on=False,
        provider_parameters={**PRECISION, **named},
    )
    result = powsybl_flow.run_ac(network, parameters)
    assert result[0].status == powsybl_flow.ComponentStatus.CONVERGED
    bus, level = network.get_buses(), network.get_voltage_levels()
    vm_pu = (bus.v_mag / level.nominal_v.loc[bus.voltage_level_id].to_numpy()).to_numpy()
    pairs = (network.get_lines(), network.get_2_windings_transformers())
    loss = sum((table.p1 + table.p2).sum() for table in pairs)
    triple = network.get_3_windings_transformers()
    return vm_pu, bus.v_angle.to_numpy(), float(loss + (triple.p1 + triple.p2 + triple.p3).sum())
