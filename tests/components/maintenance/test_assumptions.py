"""Every assumption of the schedule in words."""

from components.maintenance.assumptions import assumption_words, assumptions
from grid.assets.register import Skill
from ml.maintenance.schedule.terms import MaintenanceTerms
from tests.components.optimisation.test_plan import words


def test_each_assumption_is_told_with_its_unit() -> None:
    told = dict(assumption_words(MaintenanceTerms()))
    assert told["Lost load"] == "10,000\u202fEUR/MWh"
    assert told["Cost of a job"].startswith("1.0\u202f% of replacing, at least 800\u202fEUR")
    assert told["Crews"] == "one for every 100 jobs; 40\u202fh a week each"
    several = dict(assumption_words(MaintenanceTerms(crews=dict.fromkeys(Skill, 4))))
    assert several["Crews"].startswith("lines 4, cables 4")
    shown = words(assumptions(MaintenanceTerms()))
    assert all(name in shown for name in told)
