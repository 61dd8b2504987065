"""pandapower networks: their JSON, and the way from a net to ours."""
