"""The physical grid: networks, power flow, measurements, temperatures, alarms. No Dash, no torch."""
