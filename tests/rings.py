"""Rings in which transformers turn the phase, so that Newton finds their state from few voltages."""

import pandapower
from pandapower.auxiliary import pandapowerNet


def ring(shift_degree: float, buses: int = 8, closed: bool = True) -> pandapowerNet:
    """A 110 kV ring with two transformers that turn the phase alike, so that power goes round in it."""
    net = pandapower.create_empty_network(sn_mva=100.0)
    for _ in range(buses):
        pandapower.create_bus(net, 110.0)
    pandapower.create_ext_grid(net, 0)
    for bus in range(buses):
        ends = bus, (bus + 1) % buses
        if bus % (buses // 2) == buses // 4:
            pandapower.create_transformer_from_parameters(
                net, *ends, 100.0, 110.0, 110.0, 0.1, 5.0, 0.0, 0.0, shift_degree=shift_degree
            )
        else:
            pandapower.create_line_from_parameters(net, *ends, 1.0, 0.12, 6.05, 0.0, 10.0)
        pandapower.create_load(net, bus, 0.1)
    pandapower.create_switch(net, buses - 1, len(net.line) - 1, "l", closed=closed)
    return net
