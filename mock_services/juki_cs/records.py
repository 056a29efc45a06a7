"""Fixed-length record files as the profile lays them out: written and read, with control totals.

Every position counts bytes. Nothing here knows what the records mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from interface_spec.errors import SpecError
from interface_spec.profile import Item, Profile, RecordExchange, RecordField, RecordFile, RecordKind
from mock_services.juki_cs.errors import EncodingError, PartialFileError, RecordFileError, TotalsError
from mock_services.wiring import Codec, Record, Value, WireError

Rows = list[tuple[str, Record]]
"""(record kind, canonical values) in file order, header and trailer included."""

_DERIVED = ("kind", "sequence", "count", "sum", "filler")


@dataclass(frozen=True)
class Spoil:
    """Deliberate mistakes of a writer (file faults): what is added to every count and sum."""

    totals: int = 0


class RecordWriter:
    """Writes and reads the files of one exchange under one profile."""

    def __init__(self, profile: Profile, exchange: str, known: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        """``known``: file → record kind → canonical names of its data fields. SpecError unless the profile has just these."""
        place = f"records.{exchange}"
        if exchange not in profile.records:
            raise _misfit(profile, place, "この節がありません / section is missing")
        self.exchange: RecordExchange = profile.records[exchange]
        self._codec = Codec(profile)
        _same(profile, f"{place}.files", self.exchange.files, known)
        for file_name, kinds in known.items():
            file = self.exchange.files[file_name]
            _same(profile, f"{place}.files.{file_name}.kinds", file.kinds, kinds)
            for kind_name, names in kinds.items():
                data = [name for name, one in file.kinds[kind_name].fields.items() if one.control not in _DERIVED]
                _same(profile, f"{place}.files.{file_name}.kinds.{kind_name}.fields", data, names)

    def name(self, file: str, *, dantai_code: str, generation: int, made_at: str) -> str:
        """The file's name: generation in eight digits, time in fourteen."""
        template = self.exchange.files[file].name
        return template.format(dantai_code=dantai_code, generation=f"{generation:08d}", made_at=made_at)

    def write(self, file: str, rows: Iterable[tuple[str, Mapping[str, Value]]], spoil: Spoil = Spoil()) -> bytes:
        """The file. ``rows``: records in order with their data; sequence, counts and sums are filled in here.

        RecordFileError when a value does not fit its field.
        """
        plan = self.exchange.files[file]
        written: Rows = []
        for kind, values in rows:
            written.append((kind, self._complete(plan, kind, dict(values), written, spoil)))
        lines = [self._line(plan.kinds[kind], values) for kind, values in written]
        newline = self.exchange.newline.encode()
        return b"".join(line + newline for line in lines)

    def read(self, file: str, data: bytes) -> Rows:
        """Every record. RecordFileError (its subclasses say why): nothing of such a file may be used."""
        plan, step = self.exchange.files[file], self.exchange.record_length + len(self.exchange.newline)
        if not data or len(data) % step:
            raise PartialFileError(f"長さがレコード長 {step} の倍数ではありません / not a whole number of records")
        rows = [
            self._parse(plan, number, data[at : at + step]) for number, at in enumerate(range(0, len(data), step), 1)
        ]
        ends = [plan.kinds[rows[place][0]].at for place in (0, -1)]
        if ends != ["first", "last"] or any(plan.kinds[kind].at != "middle" for kind, _ in rows[1:-1]):
            raise PartialFileError("ヘッダかトレーラがありません / header or trailer is missing")
        self._check_controls(plan, rows)
        return rows

    # ── writing ───────────────────────────────────────────────────────────
    def _complete(self, plan: RecordFile, kind: str, values: Record, before: Rows, spoil: Spoil) -> Record:
        for name, one in plan.kinds[kind].fields.items():
            match one.control:
                case "sequence":
                    values[name] = 1 + sum(other == kind for other, _ in before)
                case "count" | "sum":
                    values[name] = _total(one, before) + spoil.totals
        return values

    def _line(self, kind: RecordKind, values: Mapping[str, Value]) -> bytes:
        encoding, line = self.exchange.encoding, b""
        for name, one in sorted(kind.fields.items(), key=lambda pair: pair[1].offset):
            text = one.value if one.value is not None else self._text(name, one, values.get(name))
            try:
                raw, pad = (text or "").encode(encoding), one.pad.encode(encoding)
            except UnicodeEncodeError:
                raise RecordFileError(f"{name}: {encoding} で書けません / cannot be written") from None
            if len(raw) > one.length:
                raise RecordFileError(f"{name}: {one.length} バイトに入りません / does not fit")
            line += raw.ljust(one.length, pad) if one.align == "left" else raw.rjust(one.length, pad)
        return line

    def _text(self, name: str, one: RecordField, value: Value) -> str:
        if value is None and one.required:
            raise RecordFileError(f"{name}: 必須の項目がありません / required field is missing")
        try:
            return self._codec.text(_item(name, one), value)
        except WireError as error:
            raise RecordFileError(str(error)) from None

    # ── reading ───────────────────────────────────────────────────────────
    def _parse(self, plan: RecordFile, number: int, line: bytes) -> tuple[str, Record]:
        newline = self.exchange.newline.encode()
        if newline and not line.endswith(newline):
            raise PartialFileError(f"{number} 番目のレコードが改行で終わりません / record does not end where it must")
        for name, kind in plan.kinds.items():
            marks = [one for one in kind.fields.values() if one.control == "kind"]
            if all(line[one.offset : one.offset + one.length] == self._raw(one.value or "") for one in marks):
                return name, {
                    field: self._value(number, field, one, line[one.offset : one.offset + one.length])
                    for field, one in kind.fields.items()
                    if one.control not in ("kind", "filler")
                }
        try:
            line.decode(self.exchange.encoding)
        except UnicodeDecodeError:
            raise EncodingError(
                f"{number} 番目のレコードを {self.exchange.encoding} として読めません / wrong encoding"
            ) from None
        raise RecordFileError(f"{number} 番目のレコードの区分が分かりません / unknown record kind")

    def _raw(self, text: str) -> bytes:
        return text.encode(self.exchange.encoding)

    def _value(self, number: int, name: str, one: RecordField, raw: bytes) -> Value:
        try:
            text = raw.decode(self.exchange.encoding)
        except UnicodeDecodeError:
            raise EncodingError(f"{number} 番目のレコードの {name} を読めません / wrong encoding") from None
        bare = text.rstrip(one.pad) if one.align == "left" else text.lstrip(one.pad)
        if one.type == "INT" and not bare and one.pad == "0":
            bare = "0"
        try:
            value = self._codec.from_text(_item(name, one), bare)
        except WireError as error:
            raise RecordFileError(f"{number} 番目のレコード: {error}") from None
        if one.required and value in (None, ""):
            raise RecordFileError(f"{number} 番目のレコード: {name} がありません / required field is missing")
        return value

    @staticmethod
    def _check_controls(plan: RecordFile, rows: Rows) -> None:
        seen: dict[str, int] = {}
        for place, (kind, values) in enumerate(rows):
            seen[kind] = seen.get(kind, 0) + 1
            for name, one in plan.kinds[kind].fields.items():
                match one.control:
                    case "sequence" if values[name] != seen[kind]:
                        raise TotalsError(
                            f"{place + 1} 番目のレコード: {name} が続いていません / running number is broken"
                        )
                    case "count" | "sum" if values[name] != _total(one, rows):
                        raise TotalsError(f"{place + 1} 番目のレコード: {name} が実際と合いません / total does not fit")


def _total(one: RecordField, rows: Rows) -> int:
    kind, _, field = one.of.partition(".")
    return sum((int(str(values[field])) if field else 1) for other, values in rows if other == kind)


def _item(name: str, one: RecordField) -> Item:
    return Item.model_construct(
        wire=name, ja=one.ja, type=one.type, length=None, required=one.required, place="body",
        format=one.format, zone=one.zone, codes=one.codes, provenance=one.provenance, note="",
    )  # fmt: skip


def _same(profile: Profile, place: str, given: Iterable[str], known: Iterable[str]) -> None:
    given, known = set(given), set(known)
    for name in sorted(given - known):
        raise _misfit(profile, f"{place}.{name}", "模擬システムが知らない項目です / unknown to the mock")
    for name in sorted(known - given):
        raise _misfit(profile, f"{place}.{name}", "必要な項目がありません / needed by the mock but missing")


def _misfit(profile: Profile, place: str, problem: str) -> SpecError:
    return SpecError(f"profile {profile.profile.id}", place, problem)
