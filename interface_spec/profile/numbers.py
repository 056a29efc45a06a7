"""Check digits of identifiers, as data: which rule is in force, and the rules to choose from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from interface_spec.profile.items import Provenance, Spec


class CheckDigitRule(Spec):
    """The digit is ``modulus`` - (sum of digit x weight) mod ``modulus``, and 0 where that is not one digit.

    ``weights`` count from the right. ``fold``: of a product of two digits their sum counts (as in Luhn's rule).
    """

    ja: str
    en: str
    weights: tuple[int, ...] = Field(min_length=1)
    modulus: Literal[10, 11]
    fold: bool = False
    provenance: Provenance = "仮定"
    source: str = ""

    @model_validator(mode="after")
    def _weights_weigh(self) -> Self:
        if any(weight % self.modulus == 0 for weight in self.weights):
            raise ValueError("weights に法の倍数があり、その桁の誤りを見つけられません / a weight that detects nothing")
        return self


class CheckDigit(Spec):
    """The check digit of one identifier: ``rule`` is the name of the one in force among ``rules``."""

    ja: str
    rule: str
    rules: dict[str, CheckDigitRule] = Field(min_length=1)

    @model_validator(mode="after")
    def _rule_is_known(self) -> Self:
        if self.rule not in self.rules:
            known = ", ".join(self.rules)
            raise ValueError(f"rule {self.rule!r} はありません（{known}） / unknown check-digit rule")
        return self

    @property
    def in_force(self) -> CheckDigitRule:
        return self.rules[self.rule]
