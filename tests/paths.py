"""Where tests find things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared" / "data"  # beside the checkout; tests that need it skip, and say so, where it is absent
