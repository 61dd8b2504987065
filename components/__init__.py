"""Pure functions from plain data to Dash components and figures; no callbacks, no services."""
