"""Mistakes of a writer that no ZIP library makes by itself: the container's own records, odd names, unfit attachments.

Each does to every package what one verb of the hostile corpus does (`fixtures.hostile`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fixtures.deviations import DEVIATIONS
from fixtures.hostile.attach import ATTACH
from fixtures.hostile.corpus import VERBS
from fixtures.hostile.draft import Draft
from fixtures.packages import Built
from testbed.mutants.model import Mutant

_BUILD = "fixtures.packages:PackageBuilder.build"
_WRITE = "fixtures.packages:write_zip"
_Any = Callable[..., Any]


def _forged(*uses: dict[str, Any]) -> Callable[[_Any], _Any]:
    """Builds with ``uses`` (verb ``do`` and its parameters), as the corpus does, in place of the honest way."""

    def wrap(original: _Any) -> _Any:
        del original

        def build(self: Any, submission: Any, deviations: Sequence[Any] = ()) -> Built:
            steps = [(str(use["do"]), {key: value for key, value in use.items() if key != "do"}) for use in uses]
            for name, given in steps:
                if kind := (ATTACH | DEVIATIONS).get(name) if name not in VERBS else None:
                    kind(**given).submit(submission, None)  # type: ignore[arg-type]
            draft = Draft(self.prepare(submission, deviations), self._writer)
            for name, given in steps:
                if name in VERBS:
                    VERBS[name](draft, **given)
            return Built(draft.write(), draft.manifest())

        return build

    return wrap


def _mutant(ident: str, ja: str, en: str, rule: str, **use: Any) -> Mutant:
    return Mutant(f"pkg-{ident}", ja, en, (rule,), _BUILD, _forged(use))


def _attached(ident: str, ja: str, en: str, rule: str, file_name: str, sample: str, **more: Any) -> Mutant:
    return _mutant(ident, ja, en, rule, do="attach", file_name=file_name, sample=sample, **more)


def _padded(original: _Any) -> _Any:
    """Fills the file beyond the size that the profile permits."""

    def write(entries: Any, at: Any, encoding: Any = "utf-8") -> bytes:
        from interface_spec.profile import load_profile

        data: bytes = original(entries, at, encoding)
        return data + bytes(load_profile().limit("package_bytes"))

    return write


MUTANTS: tuple[Mutant, ...] = (
    Mutant("pkg-padded", "上限の大きさまで埋める", "Pads the file beyond the limit", ("PKG-ZIP-SIZE",), _WRITE, _padded),
    _mutant("two-ends", "注釈に別のZIPの終端記録を写す", "Copies another archive's end record into the comment",
            "PKG-ZIP-TWOENDS", do="comment-with-end"),
    _mutant("split", "分割ZIPの最後の巻だけを送る", "Sends only the last volume of a split archive",
            "PKG-ZIP-SPLIT", do="archive", disk=2),
    _mutant("count-short", "終端記録の件数を1つ少なく書く", "Counts one entry too few in the end record",
            "PKG-ZIP-DIRECTORY", do="archive", count=-1),
    _mutant("local-crc", "ローカルヘッダに別のCRCを書く", "Writes another CRC into the local header",
            "PKG-ZIP-HEADER", do="lie", part="form", field="crc", where="local", by=1),
    _mutant("overlap", "エントリを重ねて書く", "Lets entries overlap",
            "PKG-ZIP-OVERLAP", do="quote", part="form_pdf", inner="attachment:1"),
    _mutant("too-many", "添付の件数を確かめない", "Does not limit the number of attachments",
            "PKG-ZIP-COUNT", do="many-entries"),
    _mutant("unpacked-size", "展開後の大きさを確かめない", "Does not limit the unpacked size",
            "PKG-ZIP-BOMB", do="fill", part="attachment:1"),
    _mutant("bzip2", "bzip2で圧縮する", "Compresses with bzip2", "PKG-ZIP-METHOD", do="method", part="form", number=12),
    _mutant("tail", "圧縮データの後にバイトを残す", "Leaves bytes behind the compressed data",
            "PKG-ZIP-DATA", do="damage", part="form", how="tail"),
    _mutant("longer", "目録の大きさを大きく書く", "States a larger size in the directory",
            "PKG-ZIP-LENGTH", do="lie", part="form", field="size", by=100),
    _mutant("double-slash", "フォルダ名の後に「/」を足す", "Adds a slash to the folder",
            "PKG-NAME-EMPTY", do="rename", part="attachment:1", to="{folder}//{file}"),
    _mutant("newline-name", "改行の入った名前を書く", "Writes a line end into a name",
            "PKG-NAME-CONTROL", do="rename", part="attachment:1", to="{folder}/01_a\nb.pdf"),
    _mutant("second-name", "拡張領域に別の名前を書く", "Writes another name into the extra field",
            "PKG-NAME-TWO", do="unicode-name", part="attachment:1", name="{name}.exe"),
    _mutant("no-flag", "UTF-8フラグを立てない", "Does not set the UTF-8 flag",
            "PKG-NAME-FLAG", do="rename", part="attachment:1", to="{name}", flag=False),
    _attached("nfd", "macOSの分解形のまま名前を書く", "Writes names decomposed, as macOS does", "PKG-NAME-NFD",
              "ガズ料金.txt".replace("ガ", "カ\u3099").replace("ズ", "ス\u3099"), "txt"),
    _attached("zero-width", "見えない文字を名前に残す", "Leaves invisible characters in names",
              "PKG-NAME-HIDDEN", "書\u200b類.txt", "txt"),
    _attached("long-name", "名前のバイト数を確かめない", "Does not limit names in bytes",
              "PKG-NAME-LONG", "長.txt", "txt", name_repeat=100),
    _mutant("huge-value", "値の大きさを確かめない", "Does not limit the size of a value",
            "PKG-DOC-SIZE", do="value", document="form", item="value", to="x", repeat=12 << 20),
    _mutant("comment", "作業用の注釈を文書に残す", "Leaves a comment in a document",
            "PKG-DOC-COMMENT", do="retext", document="form", find="<{row}>", put="<!-- todo --><{row}>"),
    _mutant("unknown-day", "日の不詳をゼロで書く", "Writes an unknown day as zeros",
            "PKG-VALUE-UNKNOWNDAY", do="value", document="verification", item="birth_date", to="1950-04-00"),
    _mutant("occurrence-gap", "繰返し番号を飛ばす", "Skips an occurrence number",
            "PKG-FORM-OCCURRENCE", do="value", document="form", item="occurrence", to="3"),
    _attached("exe", "添付の種類を確かめない", "Does not check the type of attachments", "PKG-ATT-TYPE", "setup.exe", "exe"),
    _attached("empty-file", "読めなかった添付を0バイトで入れる", "Adds an unreadable attachment as an empty file",
              "PKG-ATT-EMPTY", "空.pdf", "empty"),
    _attached("heic", "heicの写真を拡張子だけ直す", "Renames a heic photo", "PKG-ATT-CONTENT", "IMG_0002.jpg", "heic"),
    _attached("macro", "マクロを取り除かない", "Leaves macros in", "PKG-ATT-MACRO", "書類.docx", "docx-macro"),
    _attached("locked", "パスワード付きのまま入れる", "Leaves a password on", "PKG-ATT-LOCKED", "書類.pdf", "pdf-locked"),
    _attached("script", "PDFのスクリプトを取り除かない", "Leaves scripts in a PDF", "PKG-ATT-ACTIVE", "書類.pdf", "pdf-script"),
    _attached("inner-bomb", "添付の展開後の大きさを確かめない", "Does not look at what an attachment unpacks to",
              "PKG-ATT-BOMB", "書類.docx", "docx-bomb"),
    _attached("polyglot", "ZIPを兼ねる写真を通す", "Lets a photo pass that is a ZIP too", "PKG-ATT-POLYGLOT", "写真.jpg", "jpg-zip"),
    _attached("pixels", "画素数を確かめない", "Does not limit pixels", "PKG-ATT-PIXELS", "写真.png", "png-pixels"),
    _attached("formula", "CSVの式をそのまま通す", "Lets formulas in a CSV pass", "PKG-ATT-FORMULA", "一覧.csv", "csv-formula"),
    _attached("attached-dtd", "添付XMLのDTDを通す", "Lets a DTD in an attached XML pass", "PKG-ATT-DTD", "データ.xml", "xml-dtd"),
)  # fmt: skip
