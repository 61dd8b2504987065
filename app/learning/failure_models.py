"""FailureModelLearner: keeps the failure models, trains them where there are none, and makes prognoses by them."""

import logging
import threading
from collections.abc import Mapping
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from app.learning.fleet_training import FleetTraining
from app.learning.requests import (
    NOT_TRAINING,
    AskModels,
    BeginModels,
    Drivers,
    LearningRequest,
    MakePrognosis,
    ModelsState,
    PrognosisNews,
    ReloadModels,
    TrainingState,
)
from ml.maintenance.fleet.training import FleetPlan
from ml.maintenance.model.features import FEATURES
from ml.maintenance.model.prognosis import prognose
from ml.maintenance.model.store import ModelBundle, load, put_aside, save
from ml.maintenance.records import FleetStep, FleetStepKind, ModelFileError, RefusedFate, RefusedModels

log = logging.getLogger(__name__)
DRIVERS_HORIZON_DAYS = 365


class FailureModelLearner:
    """Answers one thread. A training is a process, with a thread that hears it: prognoses don't wait for it."""

    def __init__(self) -> None:
        self._folder = Path()
        self._bundle: ModelBundle | None = None
        self._training = NOT_TRAINING
        self._trains: FleetTraining | None = None
        self._ended, self._ending = False, threading.Lock()  # a training may be about to begin when it is to end
        self._refused: RefusedModels | None = None
        self._failure = self._not_kept = ""

    @singledispatchmethod
    def answer(self, request: LearningRequest[Any]) -> Any:
        """What the request asks."""
        raise TypeError(f"not a request to failure models: {request!r}")

    @answer.register
    def _begin(self, request: BeginModels) -> ModelsState:
        """Take the kept models, or train where there are none; refused ones are put aside."""
        folder = self._folder = request.folder
        try:
            if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
                self._bundle, self._refused = load(folder, FEATURES), None
                log.info("failure models taken from %s", folder)
                return self._state
        except ModelFileError as error:
            self._refuse(folder, error, trained_anew=request.fleets > 0)
        except OSError as error:
            log.warning("the kept failure models can't be read: %s", error)
            self._failure = str(error)
        if request.fleets and not self._training.running:
            plan = FleetPlan.of(request.seed, request.fleets, request.assets)
            self._training = TrainingState(True, 0, plan.steps, FleetStep(kind=FleetStepKind.STARTING))
            threading.Thread(target=self._train, args=(plan,), name="fleets", daemon=True).start()
        return self._state

    @answer.register
    def _ask(self, _request: AskModels) -> ModelsState:
        return self._state

    @answer.register
    def _reload(self, request: ReloadModels) -> ModelsState:
        self._bundle, self._refused = load(request.folder, FEATURES), None
        return self._state

    @answer.register
    def _assess(self, request: MakePrognosis) -> PrognosisNews:
        if self._bundle is None:
            raise LookupError("no models are known")
        found = prognose(self._bundle, request.seen, request.is_asset, request.stale)
        return PrognosisNews(prognosis=found, models=self._state)

    @answer.register
    def _drivers(self, request: Drivers) -> Mapping[str, float]:
        if self._bundle is None:
            return {}
        values = self._bundle.rates[DRIVERS_HORIZON_DAYS].contributions(request.features).iloc[0]
        return {name: float(values[name]) for name in FEATURES}

    @property
    def _state(self) -> ModelsState:
        return ModelsState(
            card=None if self._bundle is None else self._bundle.card,
            training=self._training,
            refused=self._refused,
            failure=self._failure,
            not_kept=self._not_kept,
        )

    def _refuse(self, folder: Path, error: ModelFileError, trained_anew: bool) -> None:
        """Put refused models aside where others will be trained; without training they stay where they are."""
        fate, aside, failure = RefusedFate.LEFT, None, ""
        if trained_anew:
            try:
                fate, aside = RefusedFate.PUT_ASIDE, put_aside(folder)
            except OSError as hindrance:
                fate, failure = RefusedFate.IN_THE_WAY, str(hindrance)
        self._refused = RefusedModels(file=error.file, reason=error.reason, fate=fate, aside=aside, failure=failure)
        log.warning("failure models are refused: %s", self._refused)

    def _train(self, plan: FleetPlan) -> None:
        """In a thread: train, and use and keep what was trained; what can't be kept is used all the same."""
        log.info("training of failure models begins")
        training = None
        try:
            training = FleetTraining(plan)
            with self._ending:
                self._trains = None if self._ended else training
            if self._trains is None:
                training.stop()  # its run ends at once
            training.run(lambda step, doing: self._at(step, plan.steps, doing))
            bundle = load(training.folder, FEATURES)
        except Exception as error:
            if training is not None and self._trains is None:
                return  # it was told to stop
            log.exception("training of failure models failed")
            self._failure, self._training = f"{error}" or type(error).__name__, NOT_TRAINING
            return
        finally:
            self._end()
        self._bundle, self._refused, self._failure, self._training = bundle, None, "", NOT_TRAINING
        log.info("training of failure models is done")
        try:
            save(bundle, self._folder)
        except OSError as error:
            log.warning("the failure models can't be kept: %s", error)
            self._not_kept = str(error)

    def stop(self) -> None:
        """End a training that runs; none begins any more."""
        with self._ending:
            self._ended = True
        self._end()

    def _end(self) -> None:
        training, self._trains = self._trains, None
        if training is not None:
            training.stop()

    def _at(self, step: int, steps: int, doing: FleetStep) -> None:
        self._training = TrainingState(True, step, steps, doing)
