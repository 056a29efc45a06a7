"""Packages: the writer against RSA-2048 plus deflate, the validator against unzip + SHA-256 + XML, hostile ones in time."""

from __future__ import annotations

import gc
import hashlib
import io
import zipfile
import zlib
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from benchmarks.measure import Result, alternating, peak_kib
from conformance.suites.package.validate import Validator
from fixtures.attachments import AttachmentFile, attachment_bytes
from fixtures.factory import PackageFactory
from fixtures.hostile import build, load_corpus
from fixtures.jpki.keys import pool_key
from fixtures.jpki.portal import Portal
from fixtures.outline import WORLD_VERSION
from fixtures.packages import PackageBuilder
from fixtures.people.nation import Nation
from fixtures.wiring import DocumentWriter
from fixtures.world import World
from shinsei_testbed.__main__ import COLLECT_AFTER

_DAY = date(2026, 11, 24)
_COUNT = 12
_PHOTO = 76_000
_SIGNATURES = 4
"""RSA signatures in one package: two certificates, the form, the log-in challenge."""
_JUDGE = (
    "from conformance.suites.package.validate import Validator\n"
    "validator = Validator()\n"
    "for path in sorted(Path({folder!r}).glob('*.zip')):\n"
    "    validator.validate_file(path)\n"
)


def _submissions(factory: PackageFactory) -> list[object]:
    """Applications whose ZIP has about 85 KB: a photo of incompressible bytes among the attachments."""
    made: list[object] = []
    for number in range(_COUNT):
        submission, _ = factory.submission(number, "K01", "plain")
        photo = attachment_bytes("jpg", submission.receipt_no) + Random(number).randbytes(_PHOTO)  # noqa: S311 - noise of a picture
        submission.attachments = [*submission.attachments[:1], AttachmentFile("写真", "写真.jpg", photo)]
        made.append(submission)
    return made


def _writer() -> tuple[Result, list[bytes]]:
    factory = PackageFactory(Nation(WORLD_VERSION, 1, _DAY).population("991236"))
    jpki = factory.jpki
    builder = PackageBuilder(DocumentWriter(factory.profile), jpki, Portal(jpki, (), ()))
    submissions = _submissions(factory)
    packages = [builder.build(one).zip_bytes for one in submissions]  # type: ignore[arg-type]
    contents = []
    for data in packages:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            contents.append([archive.read(name) for name in archive.namelist()])
    key = pool_key(5)

    def ours() -> None:
        for one in submissions:
            builder.build(one)  # type: ignore[arg-type]

    def bound() -> None:
        for parts in contents:
            for _ in range(_SIGNATURES):
                key.sign(parts[0], PKCS1v15(), SHA256())
            for part in parts:
                compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
                compressor.compress(part)
                compressor.flush()

    ours_time, bound_time = alternating(ours, bound)
    rate, limit = _COUNT / ours_time, _COUNT / bound_time
    size = sum(map(len, packages)) / len(packages) / 1000
    result = Result(
        "packages-per-second", f"申請ZIPを作る（{size:.0f} KB、署名・検証・PDFつき）", rate, "件/秒", limit,
        f"RSA-2048 署名 {_SIGNATURES} 回 + deflate", rate / limit, "≥ 0.40", rate / limit >= 0.40,
    )  # fmt: skip
    return result, packages


def _validator(packages: list[bytes]) -> Result:
    validator = Validator()
    assert all(validator.validate(data).conforming for data in packages)

    def ours() -> None:
        for data in packages:
            validator.validate(data)

    def bound() -> None:
        for data in packages:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for name in archive.namelist():
                    content = archive.read(name)
                    hashlib.sha256(content).hexdigest()
                    if name.endswith(".xml"):
                        etree.fromstring(content)

    ours_time, bound_time = alternating(ours, bound, rounds=60)
    rate, limit = len(packages) / ours_time, len(packages) / bound_time
    return Result(
        "validations-per-second", "申請ZIPを検査する", rate, "件/秒", limit, "展開 + SHA-256 + XML解析", rate / limit,
        "≥ 0.50", rate / limit >= 0.50,
    )  # fmt: skip


def _hostile() -> list[Result]:
    world, validator, longest = World(seed=1, reference_date=_DAY), Validator(), 0.0
    with TemporaryDirectory() as folder:
        for name in load_corpus():
            path = Path(folder) / f"{name}.zip"
            path.write_bytes(build(world, name).zip_bytes)
            start = perf_counter()
            validator.validate_file(path)
            longest = max(longest, perf_counter() - start)
        peak = peak_kib(_JUDGE.format(folder=folder)) / 1024
    count = len(load_corpus())
    return [
        Result("hostile-longest", f"悪意のある {count} 件のうち最も長い検査", longest, "秒", 1.0, "目標値", longest, "≤ 1 秒", longest <= 1),
        Result("hostile-memory", f"悪意のある {count} 件を検査する最大メモリ", peak, "MiB", 256.0, "目標値", peak / 256, "≤ 256 MiB", peak <= 256),
    ]  # fmt: skip


def run() -> list[Result]:
    gc.set_threshold(*COLLECT_AFTER)  # as in every process of the command `shinsei`
    written, packages = _writer()
    return [written, _validator(packages), *_hostile()]
