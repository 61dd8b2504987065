"""Settings, from SMARTGRID_* environment variables or a .env file; the command line overrides some."""

from datetime import date, datetime
from pathlib import Path
from typing import Self

from pydantic import Field, NaiveDatetime, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HOST = r"[A-Za-z0-9_.-]+(:[0-9]{1,5})?"
ORIGIN = r"https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"


class Settings(BaseSettings):
    """Every setting with its default; the README's table is tested against this."""

    model_config = SettingsConfigDict(env_prefix="SMARTGRID_", env_file=".env", extra="ignore", frozen=True)

    case: str = Field(
        default="city8",
        description="built-in case, `simbench:CODE`, `synthetic:NODES:GENERATORS[:SEED]`, `feeder:PATH` or a file",
    )
    source: str = Field(
        default="simulator", description="where measurements come from: `simulator` or `replay:FILE.csv`"
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8050, ge=1, le=65535, description="port to listen on")
    allowed_hosts: str | None = Field(
        default=None,
        pattern=rf"^{HOST}( *, *{HOST})*$",
        description="names by which browsers reach the server, separated by `,`, with a port that isn't the usual one; "
        "IP addresses and `localhost` need none",
    )
    embed_origins: str | None = Field(
        default=None,
        pattern=rf"^{ORIGIN}( *, *{ORIGIN})*$",
        description="origins whose pages may show the dashboard in a frame, `https://portal.example.org`, separated by "
        "`,`; its own may",
    )
    cycle_seconds: float = Field(default=3.0, ge=0.05, le=3600, description="time between cycles, s")
    speed_minutes_per_s: float = Field(default=5.0, gt=0, le=1440, description="simulated minutes a second")
    start: NaiveDatetime = Field(
        default=datetime(2026, 1, 15, 6),
        ge=datetime(1980, 1, 1),
        le=datetime(2199, 12, 31),
        description="simulated start time, ISO 8601, without a zone; years 1980 to 2199",
    )
    seed: int = Field(
        default=1, ge=0, description="seed of the simulated weather, loads, noise and generated asset ages"
    )
    asset_file: Path | None = Field(
        default=None,
        description="CSV of what is known of the case's assets (grid/assets/csv_file.py); the rest is generated",
    )
    failure_log: Path | None = Field(
        default=None,
        description="CSV of the failures that the case's assets really had (grid/assets/failure_log.py), which correct "
        "the rates of failure",
    )
    failure_log_since: date | None = Field(
        default=None, description="first day of that log, ISO 8601; needed with it, as days without a failure count too"
    )
    risk_weight: float = Field(
        default=10.0, ge=0, le=1e6, description="ohm that one unit of failure probability is worth on a path"
    )
    optimiser_risk_weight: float = Field(
        default=0.05,
        ge=0,
        le=1e6,
        description="kW of losses that plans give for one kW of demand expected to be interrupted within a year",
    )
    price_per_mwh: float = Field(default=80.0, ge=0, le=1e5, description="price of losses, EUR/MWh")
    training_episodes: int = Field(
        default=400, ge=1, le=100_000, description="episodes of the policy's first training for a grid"
    )
    dispatch_episodes: int = Field(
        default=1000, ge=1, le=100_000, description="the same for a meshed grid, whose episodes are shorter"
    )
    models_dir: Path = Field(
        default=Path("models"),
        description="folder of the failure models, which are trained where there are none",
    )
    training_fleets: int = Field(
        default=12, ge=0, le=200, description="simulated fleets that failure models are fitted to, 0 for CNAIM alone"
    )
    training_assets: int = Field(default=1000, ge=20, le=10_000, description="assets of each simulated fleet")
    history_days: int = Field(
        default=400,
        ge=0,
        le=1500,
        description="days of the simulated past that forecasts learn from; 0: nothing is known before the start",
    )
    cache_dir: Path = Field(
        default=Path("var"), description="folder for computed layouts, trained policies and the hourly record of losses"
    )
    indicator_missed: float = Field(
        default=0.05, ge=0, le=0.5, description="chance that a simulated fault-passage indicator misses a passage"
    )
    indicator_false: float = Field(
        default=0.05, ge=0, le=0.5, description="chance that one shows a passage that wasn't there"
    )
    fault_passages: int = Field(
        default=3,
        ge=1,
        le=10,
        description="passages of fault current until a simulated device stays open, 1: no reclosing",
    )
    pick_up: float = Field(
        default=1.0,
        ge=0,
        le=5,
        description="scale of the excess demand after an interruption (grid/protection/cold_load.py), 0: none",
    )
    reconnection_minutes: float = Field(
        default=5.0, ge=0, le=240, description="minutes with supply until generators within the grid feed in again"
    )
    remote_minutes: float = Field(default=1.0, ge=0, le=60, description="minutes that remote switching takes")
    hand_switches: str = Field(
        default="none",
        max_length=100_000,
        description="switches that a crew has to go to: `none`, `all` or names of branches, separated by `;`",
    )
    hand_minutes: float = Field(default=15.0, ge=0, le=600, description="minutes of switching by hand, at the switch")
    travel_km_per_h: float = Field(default=30.0, gt=0, le=300, description="speed of crews on the straight way, km/h")
    travel_minutes: float = Field(
        default=20.0, ge=0, le=600, description="minutes of a crew's way where the case has no coordinates or lengths"
    )
    crews: int = Field(default=2, ge=1, le=50, description="crews that switch by hand")
    repair_hours_line: float = Field(default=4.0, gt=0, le=8760, description="hours until an overhead line is repaired")
    repair_hours_cable: float = Field(default=10.0, gt=0, le=8760, description="hours until a cable is repaired")
    repair_hours_transformer: float = Field(
        default=24.0, gt=0, le=8760, description="hours until a transformer is replaced"
    )
    lost_load_eur_per_mwh: float = Field(
        default=10_000.0, ge=0, le=1e6, description="value of lost load that failures are counted with, EUR/MWh"
    )
    job_least_eur: float = Field(
        default=800.0, ge=0, le=1e9, description="least cost of a planned maintenance job on working days, EUR"
    )
    job_share: float = Field(
        default=0.01, ge=0, le=1, description="its cost as a share of the asset's replacement, where that is more"
    )
    job_hours_line: float = Field(default=12.0, ge=0.1, le=168, description="hours of a planned job on a line")
    job_hours_cable: float = Field(default=16.0, ge=0.1, le=168, description="the same on a cable")
    job_hours_substation: float = Field(default=20.0, ge=0.1, le=168, description="the same in a substation")
    job_effect: float = Field(
        default=0.5, ge=0, le=1, description="share of an asset's failure rate that a planned job removes"
    )
    job_benefit_years: float = Field(default=10.0, ge=0, le=100, description="years for which it does")
    weekend_surcharge: float = Field(
        default=0.5, ge=0, le=10, description="share of its cost that the weekend adds to a planned job"
    )
    night_surcharge: float = Field(default=0.75, ge=0, le=10, description="the same of nights")
    job_crews_line: int = Field(
        default=0, ge=0, le=1000, description="maintenance crews for lines; 0: one for every 100 of their jobs"
    )
    job_crews_cable: int = Field(default=0, ge=0, le=1000, description="the same for cables")
    job_crews_substation: int = Field(default=0, ge=0, le=1000, description="the same for substations")
    crew_week_hours: float = Field(default=40.0, ge=0, le=168, description="hours a week that such a crew works")
    zone_outages: int = Field(
        default=2, ge=1, le=1000, description="assets of one area that may be out for maintenance in the same week"
    )
    schedule_change_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of its expected cost that a new schedule must save to replace the one that stands",
    )
    mobile_mw: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        description="mobile generation that may feed loads during maintenance in a week, MW; 0: none",
    )
    mobile_unit_mw: float = Field(default=0.5, ge=0.01, le=100, description="size of one mobile unit, MW")
    mobile_unit_eur: float = Field(
        default=2500.0, ge=0, le=1e7, description="price of bringing and connecting one for a job, EUR"
    )
    mobile_eur_per_mwh: float = Field(
        default=400.0, ge=0, le=1e6, description="price of the energy that mobile units feed, EUR/MWh"
    )
    plan_hours: int = Field(default=4, ge=1, le=24, description="hours that a plan is followed through the forecast")
    upload_mb: float = Field(default=50.0, gt=0, le=500, description="largest network file that the page takes, MB")
    reading_mb: float = Field(
        default=1000.0, gt=0, le=1e6, description="memory that reading such a file may take, MB, besides the libraries"
    )
    reading_seconds: float = Field(default=60.0, gt=0, le=3600, description="time that reading it may take, s")
    threads: int = Field(default=16, ge=2, le=256, description="threads that answer requests")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="what is logged")

    @model_validator(mode="after")
    def _log_has_a_beginning(self) -> Self:
        if self.failure_log is not None and self.failure_log_since is None:
            raise ValueError("SMARTGRID_FAILURE_LOG needs SMARTGRID_FAILURE_LOG_SINCE, the day on which the log begins")
        return self
