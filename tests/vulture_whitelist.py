"""Names that vulture takes for unused, each with the reason why it is not. What a decorator hands over to Dash or Flask
is told by [tool.vulture] in pyproject.toml. vulture reads this file; nothing imports it."""

_.journal  # grid.alarms.book.AlarmBook: what changed when; the alarm log gets its page later
_.model_config  # pydantic reads it on its models
_.max_content_length  # Flask reads it on a request: how much of a body it takes in
_.request_class, _.on_json_loading_failed  # app.web.guard: Flask and Werkzeug take them by name
_.feature_names_in_  # scikit-learn's attribute for names of columns; permutation importance and others read it
_._value_  # grid.alarms.book.AlarmKind: the enum reads it in finding a member by its value

(
    _.probability_30_days,
    _.probability_90_days,
)  # components.maintenance.risk_table.Row: the table takes its columns by name (asdict)
(
    _.min_vm_bus,
    _.max_vm_bus,
    _.max_loading_branch,
)  # ml.optimisation.plans.plan.Verdict: app/optimisation/view.py takes them by name (getattr)
_.c_nf_per_km  # grid.cases.city8.Conductor: handed to pandapower by name (vars)

_.outage  # grid.flow.contingency.NMinusOne: which branch a row is of; the other fields mean nothing without it
_.current_loss, _.candidate_loss  # ml.forecasting.quality.drift.Contest: the figures behind the sentence in reason

(
    _.LOAD_MW,
    _.GENERATION_MW,
    _.RENEWABLE_PERCENT,
    _.UNSUPPLIED_MW,
    _.ACTIVE_ALARMS,
)  # app.engine.board.Quantity: the ring keeps and finds totals by the names of Metrics' fields

# Why a value isn't plainly good, as a source may say. The simulator has no such instruments; recordings
# and sources of real grids have.
_.OUT_OF_RANGE
_.OLD_DATA
_.INCONSISTENT
_.SUBSTITUTED

# Templates read them: app/report/templates/daily.html and ml/reporting/templates.
_.charts, _.is_derived, _.curtailed, _.no_alerts
_.light, _.dark, _.font
_.filters  # ml.reporting.pages: Jinja2's own table of filters

_.classes_  # ml.maintenance.model.model.FailureEnsemble: what scikit-learn asks of a classifier
