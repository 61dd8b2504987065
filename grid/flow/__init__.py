"""AC power flow, what follows from it, and which buses have supply."""
