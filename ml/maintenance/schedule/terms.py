"""What maintenance costs and saves, and who does it: assumptions, unless settings say else.

| field | default | why |
|---|---|---|
| lost_load_eur_per_mwh | 10,000 | usual value of lost load, 5 to 25 EUR/kWh |
| repair_hours | 4, 10, 24 | until supply is restored after a failure, as everywhere in the dashboard |
| crews | 0, 0, 0 | of each skill; 0: one for every 100 of its jobs, at least one |
| job_share, least_job_eur | 1 %, 800 | a planned job on working days, share of the asset's replacement |
| effect, benefit_years | 0.5, 10 | share of the failure rate that a job removes, and for how long |
| mobile_mw | 1 | of mobile units in a week, together; 0: there are none |
| mobile_unit_mw, mobile_unit_eur | 0.5, 2,500 | size of one, and of bringing and connecting it for a job |
| mobile_eur_per_mwh | 400 | diesel at 0.25 l/kWh and 1.60 EUR/l |
| weekend_surcharge, night_surcharge | 0.5, 0.75 | usual in collective agreements, nights with the switching of each |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from grid.assets.register import Skill
from grid.network import BranchKind, FloatArray
from ml.maintenance.records import WorkTime
from ml.maintenance.schedule.problem import BENEFIT_YEARS, OUTAGES_PER_ZONE

JOBS_A_CREW = 100
SLACK = 1e-9  # of a unit: rounding needs no other one
USUAL_REPAIR_HOURS = MappingProxyType({BranchKind.LINE: 4.0, BranchKind.CABLE: 10.0, BranchKind.TRANSFORMER: 24.0})
AS_MANY_AS_NEEDED = MappingProxyType(dict.fromkeys(Skill, 0))
USUAL_JOB_HOURS = MappingProxyType({Skill.LINES: 12.0, Skill.CABLES: 16.0, Skill.SUBSTATIONS: 20.0})


@dataclass(frozen=True, kw_only=True)
class MaintenanceTerms:
    """Prices in EUR, hours of work or of a repair, shares from 0 to 1.

    change_share: of the expected cost that a new plan must save to come in the place of the one that stands.

    crews, job_hours: by skill. zone_outages: assets of one zone that may be out in the same week. interval_years: of
    the usual practice that the schedule is compared with.
    """

    lost_load_eur_per_mwh: float = 10_000.0
    repair_hours: Mapping[BranchKind, float] = field(default_factory=lambda: USUAL_REPAIR_HOURS)
    crews: Mapping[Skill, int] = field(default_factory=lambda: AS_MANY_AS_NEEDED)
    crew_hours_per_week: float = 40.0
    job_hours: Mapping[Skill, float] = field(default_factory=lambda: USUAL_JOB_HOURS)
    job_share: float = 0.01
    least_job_eur: float = 800.0
    effect: float = 0.5
    benefit_years: float = BENEFIT_YEARS
    weekend_surcharge: float = 0.5
    night_surcharge: float = 0.75
    mobile_mw: float = 1.0
    mobile_unit_mw: float = 0.5
    mobile_unit_eur: float = 2_500.0
    mobile_eur_per_mwh: float = 400.0
    zone_outages: int = OUTAGES_PER_ZONE
    interval_years: float = 8.0
    change_share: float = 0.01

    def crews_of(self, skill: Skill, jobs: int) -> int:
        """How many crews of a skill there are for so many jobs of it."""
        return self.crews.get(skill, 0) or max(1, round(jobs / JOBS_A_CREW))

    def mobile_units(self, most_mw: FloatArray) -> FloatArray:
        """(...) units that feed so many MW, whole."""
        return np.ceil(most_mw / self.mobile_unit_mw - SLACK)

    def mobile_eur(self, most_mw: FloatArray, mwh: FloatArray) -> FloatArray:
        """(...) price of mobile units that feed so many MW at most, and this energy in all."""
        return self.mobile_units(most_mw) * self.mobile_unit_eur + mwh * self.mobile_eur_per_mwh

    def surcharge(self, time: WorkTime) -> float:
        """Share of its cost that a time of the week adds to a job."""
        match time:
            case WorkTime.DAYS:
                return 0.0
            case WorkTime.WEEKEND:
                return self.weekend_surcharge
            case WorkTime.NIGHTS:
                return self.night_surcharge
