"""What the download function does to every client by rule, without any fault: rate limit, 保守時間帯, client certificates.

Whether the real function has them is not public (仮定); a world begins without, its configuration or the control API
switches them on.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, time, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mock_services.clock import WorldClock
from mock_services.wiring import JST

_MINUTE = timedelta(minutes=1)
_CALLERS = 1000
"""Callers above which those who did not call in the last minute are forgotten."""
ClientCertificate = Literal["none", "optional", "required"]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Maintenance(_Rule):
    """One daily 保守時間帯 in Japan's time, over midnight when ``end`` is before ``start``. ``weekdays``: 0 = Monday."""

    start: time = Field(description="HH:MM")
    end: time = Field(description="HH:MM, not included")
    weekdays: tuple[int, ...] = Field(default=(), description="0 = Monday … 6; empty = every day; the day it starts")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.start == self.end or self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("start と end は異なる時刻（日本時間）にします / start and end differ, in Japan's time")
        if any(day not in range(7) for day in self.weekdays):
            raise ValueError("weekdays は 0（月）から 6（日）です / weekdays are 0 (Monday) to 6")
        return self

    def ends_at(self, now: datetime) -> datetime | None:
        """When the maintenance that is going on at ``now`` ends; None when there is none."""
        local = now.astimezone(JST)
        for days_ago in (0, 1):
            day = local.date() - timedelta(days=days_ago)
            begin = datetime.combine(day, self.start, JST)
            end = datetime.combine(day + timedelta(days=self.end < self.start), self.end, JST)
            if begin <= local < end and (not self.weekdays or day.weekday() in self.weekdays):
                return end
        return None


class Rules(_Rule):
    """``calls_per_minute``: by token (login: by peer), 0 = no limit."""

    calls_per_minute: int = Field(default=0, ge=0, le=1_000_000)
    maintenance: tuple[Maintenance, ...] = ()
    client_certificate: ClientCertificate = "none"


class Door:
    """The rules that are in force, and the calls of the last minute."""

    def __init__(self, clock: WorldClock, rules: Rules) -> None:
        self._clock, self._configured = clock, rules
        self.rules = rules
        self._calls: dict[str, deque[datetime]] = {}

    def set(self, rules: Rules) -> None:
        self.rules = rules
        self._calls.clear()

    def reset(self) -> None:
        """Back to what was configured."""
        self.set(self._configured)

    def closed_until(self) -> datetime | None:
        """When the 保守時間帯 ends; None when there is none now."""
        if not self.rules.maintenance:
            return None
        now = self._clock.now()
        return max((end for one in self.rules.maintenance if (end := one.ends_at(now)) is not None), default=None)

    def wait_seconds(self, caller: str) -> int:
        """Seconds until ``caller`` may call; 0 = now, and then the call counts."""
        most = self.rules.calls_per_minute
        if most == 0:
            return 0
        now = self._clock.now()
        if len(self._calls) >= _CALLERS:
            self._calls = {one: calls for one, calls in self._calls.items() if now - _MINUTE < calls[-1] <= now}
        calls = self._calls.setdefault(caller, deque())
        while calls and not now - _MINUTE < calls[0] <= now:
            calls.popleft()
        if len(calls) < most:
            calls.append(now)
            return 0
        return max(1, -int((now - calls[0] - _MINUTE) // timedelta(seconds=1)))

    def seconds_until(self, end: datetime) -> int:
        return max(1, -int((self._clock.now() - end) // timedelta(seconds=1)))
