"""What travels over the control API for the portal: test residents and what their cards do."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TestPerson(_Wire):
    """A synthetic resident with a test card."""

    __test__ = False

    number: int
    name: str
    kana: str
    birth_date: date
    address: str
    household: list[str]
    auth_certificate: str = Field(description="利用者証明用電子証明書 (DER, Base64)")


class SignOrder(_Wire):
    sign_target: str = Field(pattern=r"^[0-9a-fA-F]{64}$")


class SignedBy(_Wire):
    """What the resident's device gives back."""

    signature: str = Field(description="detached CMS over the bytes of sign_target (DER, Base64)")
    auth_certificate: str
