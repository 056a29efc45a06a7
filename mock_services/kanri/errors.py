"""The refusals of the staff's screen."""

from __future__ import annotations


class SignInFirstError(Exception):
    """Nobody is signed in."""


class BadSignInError(Exception):
    """団体コード, account or password is wrong; which of them is not told."""


class BadStatusError(Exception):
    """No 処理状況 of the code list, or too long a message."""
