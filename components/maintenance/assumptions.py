"""What a schedule is made by: prices, hours and crews, told below it."""

from dash import html
from dash.development.base_component import Component

from components.common import text
from ml.maintenance.schedule.terms import JOBS_A_CREW, MaintenanceTerms


def assumptions(terms: MaintenanceTerms) -> Component:
    """A fold with every assumption in words."""
    rows = [part for name, words in assumption_words(terms) for part in (html.Dt(name), html.Dd(words))]
    return html.Details([html.Summary("Assumptions"), html.Dl(rows)], className="assumptions")


def assumption_words(terms: MaintenanceTerms) -> tuple[tuple[str, str], ...]:
    """Each assumption's name and what is assumed."""
    repairs = ", ".join(f"{kind.value} {text.number(hours, 0, 'h')}" for kind, hours in terms.repair_hours.items())
    hours = ", ".join(f"{skill.value} {each:g}\u202fh" for skill, each in terms.job_hours.items())
    named = [f"{skill.value} {count}" for skill, count in terms.crews.items() if count]
    crews = ", ".join([*named, f"{'others ' if named else ''}one for every {JOBS_A_CREW} jobs"][: len(terms.crews)])
    removed, years = text.percent(terms.effect, 0), text.number(terms.benefit_years, 0, "years")
    least = text.number(terms.least_job_eur, 0, "EUR")
    weekend, nights = (text.percent(share, 0) for share in (terms.weekend_surcharge, terms.night_surcharge))
    return (
        ("Lost load", text.number(terms.lost_load_eur_per_mwh, 0, "EUR/MWh")),
        ("Repair after a failure", repairs),
        (
            "Cost of a job",
            f"{text.percent(terms.job_share)} of replacing, at least {least}; weekend +{weekend}, nights +{nights}",
        ),
        ("Hours of a job", hours),
        (
            "Effect",
            f"{removed} of the failure rate removed for {years}",
        ),
        ("Crews", f"{crews}; {terms.crew_hours_per_week:g}\u202fh a week each"),
        ("Mobile supply", _mobile_words(terms)),
        ("Out at once", f"{text.count(terms.zone_outages, 'asset')} of an area in a week"),
    )


def _mobile_words(terms: MaintenanceTerms) -> str:
    if terms.mobile_mw <= 0:
        return "none"
    most, unit = text.small(terms.mobile_mw, "MW", 2), text.small(terms.mobile_unit_mw, "MW", 2)
    each = text.number(terms.mobile_unit_eur, 0, "EUR")
    return f"{most} in a week, units of {unit} at {each} a job, {text.number(terms.mobile_eur_per_mwh, 0, 'EUR/MWh')}"
