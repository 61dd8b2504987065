"""ForecastLearner: forecasts one network's series, looks ahead, and trains the forecasters one series at a time."""

from datetime import datetime, timedelta
from functools import singledispatchmethod
from typing import Any

from app.learning.requests import (
    BeginForecasts,
    BegunForecasts,
    FollowPlan,
    ForecastAnew,
    ForecastNews,
    LearningRequest,
    SeriesTrained,
    TrainSeries,
)
from app.memory import give_back
from ml.forecasting.live.live_forecasts import LiveForecasts
from ml.forecasting.records import Forecast
from ml.optimisation.plans.ahead import PlanAhead, plan_ahead


class ForecastLearner:
    """Owned by one thread."""

    def __init__(self) -> None:
        self._live: LiveForecasts | None = None
        self._told: dict[str, dict[datetime, Forecast]] = {}  # what the other side holds already

    def stop(self) -> None:
        """Nothing goes on in the background."""

    @singledispatchmethod
    def answer(self, request: LearningRequest[Any]) -> Any:
        """What the request asks."""
        raise TypeError(f"not a request to forecasts: {request!r}")

    @answer.register
    def _begin(self, request: BeginForecasts) -> BegunForecasts:
        self._live, self._told = None, {}
        self._live = LiveForecasts(
            request.network,
            request.now,
            request.yearly_load_mw,
            request.past,
            request.history_days,
            request.seed,
            request.cache_dir,
        )
        give_back()
        return BegunForecasts(hours=self._live.past_hours)

    @answer.register
    def _look(self, request: ForecastAnew) -> ForecastNews:
        live = self._begun()
        live.observe(request.hours)
        found = live.look(request.now, request.injection, request.closed, request.held)
        forecasters, codes = live.forecasters, [info.code for info in live.series.infos]
        kept = {code: forecasters.forecasts(code) for code in codes}
        told, self._told = self._told, kept
        return ForecastNews(
            series=live.reports(),
            ahead=found.ahead,
            worst_injection=found.worst_injection,
            hosting=found.hosting,
            forecasts={code: _new(kept[code], told.get(code, {})) for code in codes},
            issues={code: tuple(kept[code]) for code in codes},
            actual_mw={code: forecasters.actual_mw(code) for code in codes},
            accuracy={code: forecasters.accuracy(code) for code in codes},
            chances=live.chances,
            waiting=len(forecasters.untrained),
        )

    @answer.register
    def _train(self, request: TrainSeries) -> SeriesTrained:
        live = self._begun()
        untrained = live.forecasters.untrained
        if untrained:
            live.forecasters.train(untrained[0], request.now)
            give_back()
            return SeriesTrained(due=True)
        news = live.forecasters.renew_one(request.now)
        return SeriesTrained(due=False) if news is None else SeriesTrained(due=True, renewed=news[0], contest=news[1])

    @answer.register
    def _follow(self, request: FollowPlan) -> PlanAhead | None:
        live = self._live
        if live is None or live.situation is None or live.network.name != request.network_name:
            return None
        looked = live.situation
        minute = (request.now - looked.ahead.start) / timedelta(minutes=1)
        if not 0 <= minute < 60 * (looked.samples.hours - 1):
            return None
        return plan_ahead(live.network, request.future, looked.samples, minute, request.hours, request.cold_load)

    def _begun(self) -> LiveForecasts:
        if self._live is None:
            raise LookupError("no network has been begun with")
        return self._live


def _new(kept: dict[datetime, Forecast], told: dict[datetime, Forecast]) -> dict[datetime, Forecast]:
    """Those that the other side doesn't hold."""
    return {time: made for time, made in kept.items() if told.get(time) is not made}
