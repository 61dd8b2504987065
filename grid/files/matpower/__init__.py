"""MATPOWER cases, as .m and as .mat."""
