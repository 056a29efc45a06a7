"""What is wrong with a record file, and with an event."""

from __future__ import annotations

from typing import ClassVar


class RecordFileError(ValueError):
    """A file that must not be taken over; ``str()`` names record and field, never a value. ``reason``: the short word."""

    reason: ClassVar[str] = "format"


class PartialFileError(RecordFileError):
    """No trailer, or a record of the wrong length: the file is not complete."""

    reason = "partial"


class EncodingError(RecordFileError):
    reason = "encoding"


class TotalsError(RecordFileError):
    """Counts, sums or running numbers do not fit the records."""

    reason = "totals"


class OutOfSequenceError(RecordFileError):
    """The generation does not follow the one before, or the answer belongs to another request."""

    reason = "sequence"


class EventError(ValueError):
    """An event that cannot happen now; ``str()`` is one sentence."""
