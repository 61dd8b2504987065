"""What forbids a reassuring sentence: it is only said of a grid of which it is known that it has no trouble now."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Doubts:
    """Why nothing may sound reassuring. stale: the present state isn't known. load_lost: loads are without supply.
    alarms: some are active."""

    stale: bool = False
    load_lost: bool = False
    alarms: bool = False

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.stale or self.load_lost or self.alarms

    @property
    def words(self) -> str:
        """The gravest one, to follow after a semicolon; empty without any."""
        if self.stale:
            return "the state is stale"
        if self.load_lost:
            return "load is without supply"
        return "alarms are active" if self.alarms else ""


def told(calm: str, bare: str, doubts: Doubts) -> str:
    """A sentence without its full stop: the reassuring one where there are no doubts, else the bare fact with why."""
    return f"{bare}; {doubts.words}" if doubts.any else calm
