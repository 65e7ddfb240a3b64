"""The sandbox of an account, for tests: its calls by name, and what its answers say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.support.api import Api, line
from tests.support.openapi import Json

ORDER: Json = {"currency": "NOK", "items": [line(12_500, 1)]}
NEW_YEAR = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Sandbox:
    """The sandbox of an account, and a client of the account."""

    api: Api

    def path(self, below: str) -> str:
        """The path of something in the sandbox."""
        return f"/v1/accounts/{self.api.account_id}/sandbox/{below}"

    def set_clock(self, moment: datetime) -> Json:
        """Let it be a moment."""
        return self.api.put(self.path("clock"), {"now": moment.isoformat()})

    def advance(self, span: timedelta) -> Json:
        """Let time pass."""
        return self.api.post(self.path("clock/advance"), {"seconds": int(span.total_seconds())})

    def plan(self, *faults: Json) -> Json:
        """Plan faults."""
        return self.api.put(self.path("faults"), {"faults": list(faults)})["faults"]

    def left(self) -> Json:
        """The faults that are to come."""
        return self.api.get(self.path("faults"))["faults"]

    def sow(self, seed: str) -> None:
        """Draw ids from a seed."""
        assert self.api.put(self.path("seed"), {"seed": seed}) == {"seed": seed}

    def reset(self) -> Json:
        """Empty the account."""
        return self.api.post(self.path("reset"))


def moment_of(text: str) -> datetime:
    """The moment that an answer says."""
    return datetime.fromisoformat(text)


def is_soon_after(text: str, moment: datetime) -> bool:
    """Tell whether an answer says a moment, or one less than an hour later."""
    return moment <= moment_of(text) < moment + HOUR


def dropped(api: Api, method: str, path: str, body: Json, **headers: str) -> None:
    """Send a request whose connection is closed without an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(httpx.RemoteProtocolError):
        api.send(method, path, body, headers=named)
