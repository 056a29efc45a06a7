"""Evidence of a run: the packets that are kept, within their limit, in a file that packet readers understand."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.evidence.manifest import FILES
from conformance.firewall import capture, keep
from conformance.firewall.capture import Capture, Frame
from conformance.firewall.keep import Keeper, went_wrong
from conformance.firewall.matrix import build_matrix
from conformance.firewall.record import Class, RuleCount, Seen
from conformance.firewall.run import POLICY_FILE, RECORD_FILE
from tests.firewall.data import baseline

LISTING = """table inet f { # handle 1
\tchain forward { # handle 2
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established counter packets 4 bytes 200 accept # handle 3
\t\ttcp dport 22 accept # handle 4
\t\tcounter packets 9 bytes 540 drop comment "default" # handle 5
\t}
}
"""


def frames(count: int, place: str = "boundary:up0") -> list[Frame]:
    return [Frame(1_700_000_000_000_000_000 + n, place, bytes([n]) * 61, 61) for n in range(count)]


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        kind, size = struct.unpack("=II", data[:8])
        assert struct.unpack("=I", data[size - 4 : size])[0] == size
        yield kind, data[8 : size - 4]
        data = data[size:]


def options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data:
        code, size = struct.unpack("=HH", data[:4])
        if code == 0:
            return found
        found[code] = data[4 : 4 + size]
        data = data[4 + (size + 3) // 4 * 4 :]
    raise AssertionError("no end of options")


def keeper(listing: str = LISTING, monkeypatch: pytest.MonkeyPatch | None = None) -> Keeper:
    class Names:
        def command(self, host: str) -> list[str]:
            return [host]

    if monkeypatch is not None:
        monkeypatch.setattr(keep, "nft", lambda _words, _text, _prefix: listing)
    return Keeper(Names())  # type: ignore[arg-type]


def test_a_packet_says_where_it_was_and_which_probe_it_belongs_to(tmp_path: Path) -> None:
    kept = Capture()
    assert kept.keep("chain FW-D01 ap → dl", frames(2)) == "1-2"
    assert kept.keep("control x", frames(1, "dl")) == "3"
    assert kept.keep("nothing", []) == ""
    kept.write(tmp_path / "p.pcapng")
    found = list(blocks((tmp_path / "p.pcapng").read_bytes()))
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 1, 6, 6, 6]
    assert [options(body[8:])[2] for kind, body in found if kind == 1] == [b"boundary:up0", b"dl"]
    number, high, low, kept_bytes, whole = struct.unpack("=IIIII", found[5][1][:20])
    assert (number, (high << 32) | low, kept_bytes, whole) == (1, 1_700_000_000_000_000_000, 61, 61)
    assert options(found[3][1][20 + 64 :])[1].decode() == "chain FW-D01 ap → dl"


def test_the_limit_of_a_run_holds_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_BYTES", 1000)
    kept = Capture()
    assert kept.keep("a", frames(5)) == "1-5"
    assert kept.keep("b", frames(5)) == ""
    assert (kept.count, kept.left_out) == (5, 5)


@pytest.mark.parametrize(
    ("expected", "cls", "wrong"),
    [
        ("deny", "dropped", False), ("deny", "half_open", True), ("deny", "delivered", True),
        ("allow", "delivered", False), ("allow", "half_open", True), ("excluded", "delivered", False),
    ],
)  # fmt: skip
def test_what_counts_as_wrong(expected: str, cls: Class, wrong: bool) -> None:
    assert went_wrong(expected, Seen(cls=cls)) is wrong


def test_everything_wrong_is_kept_and_one_of_the_rest() -> None:
    cells = [one for one in build_matrix(baseline()) if one.case == "FW-D01" and one.family == "v4"]
    cells += [one for one in build_matrix(baseline()) if one.case == "FW-D02" and one.family == "v4"]
    seen = {one.number: Seen(cls="dropped") for one in cells}
    wrong = [one for one in cells if one.protocol == "tcp"][-2:]
    seen.update((one.number, Seen(cls="delivered")) for one in wrong)
    keeper().cells("boundary", cells, seen, {one.number: frames(1) for one in cells})
    kept = [one for one in cells if seen[one.number].packets]
    assert set(wrong) < set(kept)
    assert len(kept) == len({(one.case, one.protocol) for one in cells}) + len(wrong)


def test_what_the_rules_counted_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    one = keeper(monkeypatch=monkeypatch)
    before = one.counters(["boundary"])
    later = LISTING.replace("packets 9 bytes 540", "packets 11 bytes 660")
    monkeypatch.setattr(keep, "nft", lambda _words, _text, _prefix: later)
    assert one.counted_since(before) == (
        RuleCount(firewall="boundary", chain="inet f forward", handle=3, rule="ct state established counter accept", packets=0, bytes=0),
        RuleCount(firewall="boundary", chain="inet f forward", handle=5, rule='counter drop comment "default"', packets=2, bytes=120),
    )  # fmt: skip


def test_the_records_of_the_lab_go_into_the_bundle() -> None:
    assert {POLICY_FILE, RECORD_FILE, capture.CAPTURE_FILE} <= set(FILES)
