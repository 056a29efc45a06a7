"""``include`` of nft rulesets: the files are put into the text where they are named, so that one text is loaded and hashed.

Files are looked for beside the file that names them, and nowhere else on this machine. Marks in the text (comments of nft and
of iptables-save) tell afterwards which file and line a line of the whole came from; what is translated is marked as well.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

MOST_FILES = 64
_INCLUDE = re.compile(r'^\s*include\s+"([^"]+)"\s*;?\s*(?:#.*)?$')
_BEGIN, _END, _LINE = "#shinsei begin ", "#shinsei end", "#shinsei line "


class IncludeError(ValueError):
    """An included file is not there, or there are too many; ``str()`` is one sentence with file and line."""


def expanded(text: str, path: Path) -> str:
    """``text`` of the file ``path`` with every include replaced by what it names. Raises IncludeError."""
    return _expanded(text, path, [path.resolve()], [0])


def _expanded(text: str, path: Path, inside: list[Path], count: list[int]) -> str:
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _INCLUDE.match(line)
        if found is None:
            lines.append(line)
            continue
        for one in _files(found[1], path.parent, f"{path.name}:{number}"):
            count[0] += 1
            if count[0] > MOST_FILES or one.resolve() in inside:
                raise IncludeError(
                    f"{path.name}:{number}: include が自分自身に戻るか、{MOST_FILES} 個を超えています / include goes round or there are too many"
                )
            body = _read(one, f"{path.name}:{number}")
            lines += [_BEGIN + one.name, _expanded(body, one, [*inside, one.resolve()], count), _END]
        lines.append("")  # stands for the include line itself, so that the lines behind it keep their numbers
    return "\n".join(lines) + "\n"


def _files(named: str, folder: Path, place: str) -> list[Path]:
    relative = PurePosixPath(named)
    if relative.is_absolute():
        relative = PurePosixPath(*relative.parts[1:])
    for candidate in (relative, PurePosixPath(relative.name)):
        found = (
            sorted(one for one in folder.glob(str(candidate)) if one.is_file()) if ".." not in relative.parts else []
        )
        if found:
            return found
    if "*" in named or "?" in named:  # as nft: a pattern may match nothing
        return []
    raise IncludeError(
        f"{place}: include した {named} がありません。規則のファイルと同じフォルダーに置いてください"
        f" / the included file {named} is missing: put it beside the ruleset"
    )


def _read(path: Path, place: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        raise IncludeError(
            f"{place}: {path.name} を UTF-8 として読めません / {path.name} is not readable as UTF-8"
        ) from None


def line_mark(number: int) -> str:
    """A line that says: the next one came from line ``number`` of its file."""
    return f"{_LINE}{number}"


def origin(name: str, text: str, number: int) -> str:
    """``file:line`` from which line ``number`` of the expanded ``text`` of file ``name`` came."""
    stack: list[tuple[str, int]] = [(name, 0)]
    for line in text.splitlines()[:number]:
        if line.startswith(_BEGIN):
            stack.append((line.removeprefix(_BEGIN), 0))
        elif line.startswith(_LINE):
            stack[-1] = (stack[-1][0], int(line.removeprefix(_LINE)) - 1)
        elif line == _END and len(stack) > 1:
            stack.pop()
        else:
            stack[-1] = (stack[-1][0], stack[-1][1] + 1)
    return f"{stack[-1][0]}:{stack[-1][1]}"
