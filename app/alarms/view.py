"""Alarms as pages show them."""

from app.map.network_view import NetworkView
from app.web.browser_view import Asset
from app.web.ids import acknowledge_id, show_asset_id
from components.common.alarms import AlarmIds
from grid.alarms.book import Alarm, AssetKind


def alarm_ids(shown: NetworkView, place: str) -> AlarmIds:
    """Ids for a list of alarms in a place of the page."""

    def code(alarm: Alarm) -> str | None:
        if alarm.asset_id is None or alarm.asset_kind not in (AssetKind.BUS, AssetKind.BRANCH):
            return None
        return shown.code(Asset(alarm.asset_kind, alarm.asset_id))

    return AlarmIds(
        acknowledge=lambda alarm: acknowledge_id(alarm, place),
        show_asset=lambda asset, beside: show_asset_id(asset, f"{place}-{beside}"),
        asset_code=code,
    )
