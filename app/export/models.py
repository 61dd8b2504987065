"""What the export of the present state answers."""

from typing import Any

from pydantic import Field

from app.web.models import Answer


class PandapowerAnswer(Answer):
    """A net as pandapower's to_json writes it; from_json reads it."""

    python_module: str = Field(alias="_module")
    python_class: str = Field(alias="_class")
    content: dict[str, Any] = Field(alias="_object", description="tables, and what none of them holds")
