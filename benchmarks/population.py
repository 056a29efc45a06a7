"""The population: residents per second against Faker, one look-up among 126 million, memory that stays flat."""

from __future__ import annotations

from datetime import date
from statistics import median
from time import perf_counter

from faker import Faker

from benchmarks.measure import Result, alternating, peak_kib
from fixtures.outline import WORLD_VERSION
from fixtures.people.nation import Nation

_DAY = date(2026, 11, 24)
_LARGEST = "141003"
_OURS, _FAKERS = 60_000, 1_000
_STREAM = (
    "from datetime import date\n"
    "from fixtures.people.nation import Nation\n"
    "nation = Nation('1', 1, date(2026, 11, 24))\n"
    "left = {count}\n"
    "for code in ('141003', '271004', '231002', '011002', '401307'):\n"
    "    population = nation.population(code)\n"
    "    for block in population.blocks(stop=left):\n"
    "        columns = [column.tolist() for column in block.columns().values()]\n"
    "    left -= min(left, population.residents)\n"
    "assert left == 0, left\n"
)


def _faker() -> None:
    fake = Faker("ja_JP")
    fake.seed_instance(1)
    for _ in range(_FAKERS):
        fake.name()
        fake.kana_name()
        fake.date_of_birth()
        fake.address()
        fake.random_element(("M", "F"))


def _rates() -> Result:
    population = Nation(WORLD_VERSION, 1, _DAY).population(_LARGEST)

    def ours() -> None:
        for block in population.blocks(stop=_OURS):
            for column in block.columns().values():
                column.tolist()

    ours_time, faker_time = alternating(ours, _faker, rounds=5)
    rate, bound = _OURS / ours_time, _FAKERS / faker_time
    return Result(
        "residents-per-second", "住民/秒（世帯・全番号つき、Pythonの文字列まで）", rate, "人/秒", bound,
        "Faker(ja_JP) の氏名・カナ・生年月日・住所・性別", rate / bound, "≥ 15", rate / bound >= 15,
    )  # fmt: skip


def _look_up() -> Result:
    nation = Nation(WORLD_VERSION, 1, _DAY)
    population = nation.population(_LARGEST)
    times = []
    for index in range(0, 3_700_000, 7_400):
        code = population.juminhyo_code(index)
        start = perf_counter()
        found = nation.find_juminhyo_code(code)
        assert found is not None
        assert found[0].resident(found[1]).index == index
        times.append((perf_counter() - start) * 1000)
    total = nation.total()
    value = median(times)
    return Result(
        "look-up", f"全国 {total:,} 人から住民票コードで1人を引く（中央値）", value, "ms", 2.0, "目標値", value / 2, "≤ 2 ms",
        value <= 2,
    )  # fmt: skip


def _memory() -> Result:
    few, many = (peak_kib(_STREAM.format(count=count)) for count in (10_000, 10_000_000))
    return Result(
        "peak-memory", "1,000万人を順に作るときの最大メモリ", many / 1024, "MiB", few / 1024, "1万人のとき", many / few,
        "≤ 1.10", many / few <= 1.10,
    )  # fmt: skip


def run() -> list[Result]:
    return [_rates(), _look_up(), _memory()]
