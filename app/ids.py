"""Ids of all components, each once."""

from enum import StrEnum


class Id(StrEnum):
    """Components that exist once."""

    # the shell
    PROVIDER = "provider"
    URL = "url"
    PAGE = "page"
    POLL = "poll"
    BEAT = "beat"
    SEEN = "seen"
    ALARMS_SEEN = "alarms-seen"
    NETWORK = "network"
    TICK = "tick"
    VIEW = "view"
    SCHEME_TOGGLE = "scheme-toggle"
    SCHEME = "scheme"
    # header
    GRID_NAME = "grid-name"
    CLOCK = "clock"
    AGE = "age"
    SOURCE_STATE = "source-state"
    ALARM_BANNER = "alarm-banner"
    TO_ALARMS = "to-alarms"
    NAVIGATION = "navigation"
    # simulation
    SIMULATION_TOGGLE = "simulation-toggle"
    SIMULATION_STEP = "simulation-step"
    SIMULATION_SPEED = "simulation-speed"
    # case
    CASE_OPEN = "case-open"
    CASE_DIALOG = "case-dialog"
    CASE_NAME = "case-name"
    CASE_SPEC = "case-spec"
    CASE_LOAD = "case-load"
    CASE_UPLOAD = "case-upload"
    CASE_RESULT = "case-result"
    # events
    EVENTS_OPEN = "events-open"
    EVENTS_DIALOG = "events-dialog"
    EVENT_KIND = "event-kind"
    EVENT_TARGET = "event-target"
    EVENT_MAGNITUDE = "event-magnitude"
    EVENT_INJECT = "event-inject"
    EVENT_RESULT = "event-result"
    EVENT_LIST = "event-list"
    EVENT_REMOVE_REQUEST = "event-remove-request"
    # overview
    KPI_ROW = "kpi-row"
    TOPOLOGY = "topology"
    TOPOLOGY_STYLES = "topology-styles"
    TOPOLOGY_TITLE = "topology-title"
    SCOPE_WANTED = "scope-wanted"
    SCOPE_SHOWN = "scope-shown"
    LAYER = "layer"
    SEARCH = "search"
    FIT = "fit"
    BACK = "back"
    ANIMATE = "animate"
    PATHS = "paths"
    PATHS_LEGEND = "paths-legend"
    LEGEND = "legend"
    RISK_WEIGHT = "risk-weight"
    RISK_WEIGHT_NOW = "risk-weight-now"
    LOSS_HOLDER = "loss-holder"
    LOSS_GRAPH = "loss-graph"
    MAP_FRAME = "map-frame"
    SHOW_PLAN = "show-plan"
    PLAN_TONE = "plan-tone"
    PLAN_SENTENCE = "plan-sentence"
    PLAN_SAVING = "plan-saving"
    # optimisation
    PLAN_SEEN = "plan-seen"
    PLAN_CODE = "plan-code"
    PLAN_HEAD = "plan-head"
    PLAN_STATUS = "plan-status"
    PLAN_STEPS = "plan-steps"
    PLAN_COMPARE = "plan-compare"
    PLAN_ROOMS = "plan-rooms"
    PLAN_LIMITED = "plan-limited"
    PLAN_METHODS = "plan-methods"
    PLAN_RESULT = "plan-result"
    APPLY_ONE = "apply-one"
    APPLY_ALL = "apply-all"
    UNDO_ONE = "undo-one"
    UNDO_ALL = "undo-all"
    PRESENT_MAP = "present-map"
    PROPOSED_MAP = "proposed-map"
    PROPOSED_TITLE = "proposed-title"
    PLAN_MAPS = "plan-maps"
    PLAN_STYLES = "plan-styles"
    PLAN_SCOPE_WANTED = "plan-scope-wanted"
    PLAN_SCOPE_SHOWN = "plan-scope-shown"
    LOCK_REQUEST = "lock-request"
    UNLOCK_REQUEST = "unlock-request"
    LOCK_SEARCH = "lock-search"
    LOCKED = "locked"
    PLAN_FORM = "plan-form"
    FORM_SEEN = "form-seen"
    FORM_SHOWN = "form-shown"
    FORM_REQUEST = "form-request"
    FORM_RESULT = "form-result"
    WEIGHT = "weight"
    WEIGHT_WORDS = "weight-words"
    PAIRS = "pairs"
    CASE_LIMITS = "case-limits"
    BAND = "band"
    LOADING = "loading"
    N_MINUS_1 = "n-minus-1"
    FIGURES = "figures"
    FIGURES_SEEN = "figures-seen"
    METHODS_GRAPH = "methods-graph"
    FRONT_GRAPH = "front-graph"
    LEARNING_GRAPH = "learning-graph"
    # maintenance
    MAINTENANCE_SEEN = "maintenance-seen"
    MAINTENANCE_STATUS = "maintenance-status"
    RISK_SEEN = "risk-seen"
    CONDITION_SEEN = "condition-seen"
    PLANNED_SEEN = "planned-seen"
    CARD_SEEN = "card-seen"
    FLEET = "fleet"
    RISK_GRID = "risk-grid"
    RISK_AS_OF = "risk-as-of"
    RISK_EXPORT = "risk-export"
    RISK_RESET = "risk-reset"
    MATRIX_GRAPH = "matrix-graph"
    DEGRADATION_GRAPH = "degradation-graph"
    CONDITION_HEAD = "condition-head"
    CONDITION_SIGNALS = "condition-signals"
    CONDITION_SIMILAR = "condition-similar"
    CHANCE_GRAPH = "chance-graph"
    DRIVERS_GRAPH = "drivers-graph"
    THERMAL_GRAPH = "thermal-graph"
    CONDITION_PANEL = "condition-panel"
    GANTT_GRAPH = "gantt-graph"
    SCHEDULE_GRID = "schedule-grid"
    SCHEDULE_SUMMARY = "schedule-summary"
    SCHEDULE_WAYS = "schedule-ways"
    SCHEDULE_DEFERRED = "schedule-deferred"
    SCHEDULE_RESULT = "schedule-result"
    SCHEDULE_SOLVE = "schedule-solve"
    SCHEDULE_FREE = "schedule-free"
    MODEL_CARD = "model-card"
    RELIABILITY_GRAPH = "reliability-graph"
    # alarms
    ALARMS = "alarms"
    ALARM_LIST = "alarm-list"
    OPERATOR = "operator"
    ACKNOWLEDGE_REQUEST = "acknowledge-request"
    ACKNOWLEDGE_RESULT = "acknowledge-result"
    # drawer
    DRAWER = "drawer"
    DRAWER_LIVE = "drawer-live"
    DRAWER_TREND_HOLDER = "drawer-trend-holder"
    DRAWER_TREND = "drawer-trend"
    DRAWER_ASSET = "drawer-asset"


class Many(StrEnum):
    """Types of components that exist many times; the other key of their id says which."""

    KPI_VALUE = "kpi-value"
    KPI_DETAIL = "kpi-detail"
    KPI_CHANGE = "kpi-change"
    ACKNOWLEDGE = "acknowledge"
    SHOW_ASSET = "show-asset"
    EVENT_REMOVE = "event-remove"
    UNLOCK = "unlock"
    SIMILAR = "similar"


def acknowledge_id(alarm_id: int, place: str) -> dict[str, str | int]:
    """Id of the button that acknowledges an alarm; place tells the list's button from the drawer's."""
    return {"type": Many.ACKNOWLEDGE, "alarm": alarm_id, "place": place}


def show_asset_id(asset: str, place: str) -> dict[str, str]:
    """Id of a button that shows an asset, given by its code."""
    return {"type": Many.SHOW_ASSET, "asset": asset, "place": place}


def event_remove_id(event_id: int) -> dict[str, str | int]:
    """Id of the button that ends an event."""
    return {"type": Many.EVENT_REMOVE, "event": event_id}


def unlock_id(branch: int) -> dict[str, str | int]:
    """Id of the button that unlocks a branch's switch."""
    return {"type": Many.UNLOCK, "branch": branch}


def similar_id(asset: str) -> dict[str, str]:
    """Id of a button that shows an asset on the maintenance page, given by its code."""
    return {"type": Many.SIMILAR, "asset": asset}


def kpi_id(part: Many, position: int) -> dict[str, str | int]:
    """Id of a part of a card."""
    return {"type": part, "card": position}
