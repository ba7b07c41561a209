"""What all models share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Root of the models; unknown members are an error, so that an answer and its description cannot drift apart."""

    model_config = ConfigDict(extra="forbid")


def example(document: Any, *, is_open: bool = False) -> ConfigDict:
    """A model's configuration with ``document`` as its example; ``is_open``: further members may follow."""
    return ConfigDict(extra="allow" if is_open else "forbid", json_schema_extra={"examples": [document]})
