"""Who is signed in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example


class Me(Answer):
    """Who is signed in, and what they may do."""

    model_config = example(
        {
            "kind": "user",
            "name": "budi",
            "role": "crew",
            "scopes": [],
            "districts": ["Siak"],
            "accounts": True,
        }
    )

    kind: Literal["local", "user", "token"] = Field(description="`local`: the city has no accounts")
    name: str
    role: Literal["viewer", "crew", "operator", "administrator"] | None = Field(description="null: an API token")
    scopes: list[str] = Field(description="of an API token")
    districts: list[str] = Field(description='where they may act; `["*"]` = everywhere')
    accounts: bool = Field(description="whether the city has accounts")
