"""What pages are handed: the services, and the map that all browsers share."""

from dataclasses import dataclass

from app.map.network_view import NetworkViews
from app.web.services import Services


@dataclass(frozen=True)
class PageServices(Services):
    """The process's services, and the view of the present network that all browsers share."""

    views: NetworkViews
