"""Packages from a mold: one package, made in full, whose 受付番号 and times are filled in anew for each application.

A resident, what they typed, attachments and signature come from the fixtures and cost milliseconds; filling a mold costs
microseconds. What changes (the two documents that state number and times, the form's PDF) lies in the ZIP uncompressed, so
every text has a fixed place, and only three checksums are made again.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from io import BytesIO
from operator import itemgetter

import mock_services.portal  # noqa: F401 - imports fixtures where its ring resolves
from fixtures.factory import PackageFactory
from fixtures.packages import VERIFICATION_TAKES
from fixtures.submission import Submission
from fixtures.wiring import JST, ValueWriter
from fixtures.zip_writer import Entry, dos_time, write_zip
from interface_spec.profile import Profile

_FILLED = ("application", "verification", "form_pdf")
_LOCAL, _CENTRAL = 30, 46
"""Bytes of the two headers of an entry before its name."""
_LOCAL_TIME, _CENTRAL_TIME = 10, 12
_LOCAL_CRC, _CENTRAL_CRC = 14, 16

Texts = tuple[bytes, ...]
"""What is filled in, in the order of `SLOTS`."""
SLOTS = (
    ("", "receipt_no"),
    ("application", "receipt_no"),
    ("application", "applied_at"),
    ("verification", "verified_at"),
    ("form_pdf", "receipt_no"),
    ("form_pdf", "received_at"),
)
"""(entry's part, what stands there once); the first is every entry's name."""
_STAMP = len(SLOTS)
"""The piece after them: time and day of an entry, four bytes."""


def _in_pdf(text: str) -> bytes:
    """ASCII as a Japanese font's string in the form's PDF: two bytes a letter, the first written as an escape."""
    return text.encode("utf-16-be").replace(b"\0", b"\\000")


class Stating:
    """How 受付番号 and times are written under a profile."""

    def __init__(self, profile: Profile) -> None:
        documents = profile.package.documents
        self._writer = ValueWriter(profile)
        self._applied = documents["application"].items["applied_at"]
        self._verified = documents["verification"].items["verified_at"]

    def texts(self, receipt_no: str, received_at: datetime) -> Texts:
        number = receipt_no.encode("ascii")
        return (
            number,
            number,
            self._writer.text(self._applied, received_at, "application.applied_at").encode(),
            self._writer.text(self._verified, received_at + VERIFICATION_TAKES, "verification.verified_at").encode(),
            _in_pdf(receipt_no),
            _in_pdf(received_at.astimezone(JST).strftime("%Y-%m-%d %H:%M")),
        )


@dataclass(frozen=True)
class _Checked:
    """An entry whose content changes: where it lies, and the two places of its checksum."""

    start: int
    end: int
    crc_at: tuple[int, int]


@dataclass(frozen=True)
class Mold:
    """A package in pieces: ``order`` says which come after each other, the numbers of `SLOTS`, `_STAMP`, then ``fixed``.

    ``lengths``: how long each of `SLOTS` must be, so that everything stays where it is.
    """

    lengths: tuple[int, ...]
    fixed: tuple[bytes, ...]
    order: tuple[int, ...]
    checked: tuple[_Checked, ...]

    def fits(self, texts: Texts) -> bool:
        return tuple(map(len, texts)) == self.lengths

    def filled(self, texts: Texts, at: datetime) -> bytes:
        """The package with these texts, its entries written at the wall-clock time ``at``; ``texts`` must fit."""
        pieces = (*texts, _stamp(at), *self.fixed)
        data = bytearray().join(self._pick(pieces))
        whole = memoryview(data)
        for one in self.checked:
            crc = zlib.crc32(whole[one.start : one.end]).to_bytes(4, "little")
            for place in one.crc_at:
                whole[place : place + 4] = crc
        return bytes(data)

    @cached_property
    def _pick(self) -> Callable[[tuple[bytes, ...]], tuple[bytes, ...]]:
        return itemgetter(*self.order)


def _stamp(at: datetime) -> bytes:
    time, day = dos_time(at)
    return time.to_bytes(2, "little") + day.to_bytes(2, "little")


def _found(blob: bytes, text: bytes, start: int, end: int) -> Iterator[int]:
    place = blob.find(text, start, end)
    while place >= 0:
        yield place
        place = blob.find(text, place + len(text), end)


def cast_mold(entries: list[Entry], blob: bytes, texts: Texts) -> Mold | None:
    """The mold of a finished package; None when a text does not stand exactly once where it should."""
    marks: list[tuple[int, int]] = []  # place, number of the slot
    checked: list[_Checked] = []
    with zipfile.ZipFile(BytesIO(blob)) as package:
        central, infos = package.start_dir, package.infolist()
    for entry, info in zip(entries, infos, strict=True):
        local = info.header_offset
        name_length = int.from_bytes(blob[local + 26 : local + 28], "little")
        for name_at in (local + _LOCAL, central + _CENTRAL):
            marks += [(place, 0) for place in _found(blob, texts[0], name_at, name_at + name_length)]
        marks += [(local + _LOCAL_TIME, _STAMP), (central + _CENTRAL_TIME, _STAMP)]
        start = local + _LOCAL + name_length
        end = start + info.compress_size
        if entry.part in _FILLED:
            checked.append(_Checked(start, end, (local + _LOCAL_CRC, central + _CENTRAL_CRC)))
        for number, (part, _) in enumerate(SLOTS):
            if part == entry.part:
                marks += [(place, number) for place in _found(blob, texts[number], start, end)]
        central += _CENTRAL + name_length
    slots = [number for _, number in marks]
    if any(slots.count(number) != 1 for number in range(1, len(SLOTS))):
        return None
    return _in_pieces(blob, tuple(map(len, texts)), sorted(marks), tuple(checked))


def _in_pieces(
    blob: bytes, lengths: tuple[int, ...], marks: list[tuple[int, int]], checked: tuple[_Checked, ...]
) -> Mold:
    fixed: list[bytes] = []
    order: list[int] = []
    done = 0
    for place, number in marks:
        order += [_STAMP + 1 + len(fixed), number]
        fixed.append(blob[done:place])
        done = place + (4 if number == _STAMP else lengths[number])
    order.append(_STAMP + 1 + len(fixed))
    return Mold(lengths, (*fixed, blob[done:]), tuple(order), checked)


class MoldFactory(PackageFactory):
    """The fixtures' factory, for applications whose 受付番号 and 受付日時 are given."""

    def mold(self, number: int, procedure_id: str, receipt_no: str, stating: Stating) -> Mold | None:
        """A mold from package ``number``; None when the profile's forms leave no fixed places. NotExpressible.

        ``receipt_no``: any that is as long as those to fill in. Verification is as of the package's own 受付日時.
        """
        submission, _ = self.submission(number, procedure_id)
        submission.receipt_no = receipt_no
        texts = stating.texts(receipt_no, submission.received_at)
        entries = [replace(one, compress=one.part not in _FILLED) for one in self._builder.prepare(submission).entries]
        blob = write_zip(entries, submission.received_at.astimezone(JST), self.profile.package.entry_name_encoding)
        return cast_mold(entries, blob, texts)

    def in_full(self, number: int, procedure_id: str, receipt_no: str, received_at: datetime) -> bytes:
        """Package ``number`` made anew with this number and time."""
        submission: Submission
        submission, _ = self.submission(number, procedure_id)
        submission.receipt_no, submission.received_at = receipt_no, received_at
        return self._builder.build(submission).zip_bytes
