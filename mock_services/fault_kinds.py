"""The table of named disturbances: what each is called, what it may be told, and where it can strike.

Every fault is ours (仮定): a disturbance of the simulated world, never a product's mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from interface_spec.profile import Provenance

Where = Literal["tls", "call", "rows", "list", "digest", "zip", "token", "network", "file"]
"""Where a fault strikes: at the TLS handshake, in any call, in calls that answer with rows, in the paged list of the
download function, in calls whose answer carries a digest, in calls that answer with a ZIP, in calls that need a token,
between the zones (relay and names), or in an interface by files."""


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsParams(Params):
    variant: Literal["untrusted", "wrong-host", "expired", "missing-intermediate", "old-protocol"]


class PageLimitParams(Params):
    n: int = Field(ge=1)


class ExpireTokenParams(Params):
    after_calls: int = Field(ge=0)


class UnauthorisedParams(Params):
    after_calls: int = Field(default=0, ge=0)


class TooManyParams(Params):
    retry_after: int = Field(default=1, ge=0, le=3600)


class TruncateParams(Params):
    bytes: int = Field(default=100, ge=0)


class WrongDigestParams(Params):
    change: Literal["flip", "shorten"] = "flip"


class LatencyParams(Params):
    ms: int = Field(ge=1, le=120_000)


class JitterParams(Params):
    most_ms: int = Field(ge=1, le=120_000)
    seed: int = 0


class TimeoutParams(Params):
    seconds: int = Field(default=60, ge=1, le=600)


class WrongLengthParams(Params):
    by: int = Field(default=100, ge=1, le=1_000_000)


class SlowDripParams(Params):
    piece: int = Field(default=64, ge=1, le=1_000_000)
    every_ms: int = Field(default=50, ge=1, le=10_000)


class UnavailableParams(Params):
    retry_after: int = Field(default=0, ge=0, le=3600)


class ErrorWithoutJsonParams(Params):
    status: int = Field(default=500, ge=400, le=599)


class RedirectParams(Params):
    to: str = Field(default="https://other.lgwan.test", pattern=r"^https?://[A-Za-z0-9.:-]+$")
    status: Literal[301, 302, 307, 308] = 302


class ClockSkewParams(Params):
    seconds: int = Field(ge=-864_000, le=864_000)


class MissingRowsParams(Params):
    n: int = Field(default=1, ge=1)


class CorruptZipParams(Params):
    part: Literal["directory", "data"] = "directory"


class ShiftParams(Params):
    receipt_no: str | None = None


class DnsParams(Params):
    address: str = Field(default="127.0.20.99", pattern=r"^[0-9.]+$")


class PartialFileParams(Params):
    percent: int = Field(default=50, ge=0, le=99)


class OutOfSequenceParams(Params):
    skip: int = Field(default=1, ge=1, le=1000)


class WrongTotalsParams(Params):
    by: int = Field(default=1, ge=1, le=1000)


@dataclass(frozen=True)
class Kind:
    """One entry of the table."""

    name: str
    params: type[Params]
    where: Where
    ja: str
    en: str
    provenance: Provenance = "仮定"


_KINDS = (
    Kind(
        "tls", TlsParams, "tls",
        "サーバ証明書を差し替える（variant: untrusted 知らない認証局・wrong-host 別の名前・expired 期限切れ・missing-intermediate 中間証明書を送り忘れる・old-protocol 古い版しか話さない相手のようにハンドシェイクを断る）。既存の接続は閉じる。",
        "Swaps the server certificate (variant: untrusted, wrong-host, expired, missing-intermediate = the issuing CA's certificate is not sent, old-protocol = refuses the handshake as a server that ends at TLS 1.1) and closes existing connections.",
    ),
    Kind(
        "page-limit", PageLimitParams, "list",
        "一覧の1頁を n 件までにする。",
        "A page of the list holds at most n rows.",
    ),
    Kind(
        "expire-token", ExpireTokenParams, "token",
        "認証トークンが after_calls 回の呼出しの後に効かなくなる（再ログインで回復）。",
        "A token stops working after after_calls further calls (a new login helps).",
    ),
    Kind(
        "unauthorised", UnauthorisedParams, "call",
        "after_calls 回の呼出しの後、認証エラー（401）を返す（一覧の途中など。トークンや鍵は有効なまま）。",
        "After after_calls calls, answers 401 (in mid-list, say) although token or key is still good.",
    ),
    Kind(
        "too-many", TooManyParams, "call",
        "「要求が多すぎます」と Retry-After（秒）を返す。",
        "Answers the too-many error with Retry-After in seconds.",
    ),
    Kind(
        "maintenance", Params, "call",
        "「保守時間帯です」を返す。",
        "Answers the maintenance error.",
    ),
    Kind(
        "unexpected", Params, "call",
        "「予期しないエラー」を表のとおりに返す（表に無ければ本文の無い 500）。",
        "Answers the unexpected error of the table (500 without a body where the table has none).",
    ),
    Kind(
        "unavailable", UnavailableParams, "call",
        "本文の無い 503 を返す（retry_after が 1 以上なら Retry-After も）。",
        "Answers 503 without a body (with Retry-After when retry_after is 1 or more).",
    ),
    Kind(
        "redirect", RedirectParams, "call",
        "別のホストへの転送を返す（従ってはならない）。",
        "Answers a redirect to another host (which nobody should follow).",
    ),
    Kind(
        "truncate", TruncateParams, "call",
        "全体の Content-Length を告げ、本文を bytes バイトで切って接続を閉じる。",
        "Announces the full Content-Length, cuts the body after `bytes` bytes and closes the connection.",
    ),
    Kind(
        "reset-mid-body", TruncateParams, "call",
        "本文を bytes バイト送ったところで接続を強制切断（RST）する。",
        "Resets the connection (RST) after `bytes` bytes of the body.",
    ),
    Kind(
        "wrong-length", WrongLengthParams, "call",
        "本物より by バイト長い Content-Length を告げて、全部送って閉じる。",
        "Announces a Content-Length that is `by` bytes too long, sends the whole body and closes.",
    ),
    Kind(
        "slow-drip", SlowDripParams, "call",
        "本文を piece バイトずつ every_ms ミリ秒おきに送る。",
        "Sends the body in pieces of `piece` bytes, every `every_ms` milliseconds.",
    ),
    Kind(
        "wrong-digest", WrongDigestParams, "digest",
        "本文を変える（change: flip 1バイト反転・shorten 1バイト短い）。ダイジェストは元のまま。",
        "Alters the body (change: flip one byte, shorten by one byte) and keeps the digest of the original.",
    ),
    Kind(
        "corrupt-zip", CorruptZipParams, "zip",
        "ZIPを壊し、ダイジェストは壊れた本文に合わせる（part: directory 目次・data 中身）。",
        "Breaks the ZIP and gives the digest of the broken bytes (part: directory, data).",
    ),
    Kind(
        "latency", LatencyParams, "call",
        "応答を ms ミリ秒遅らせる。",
        "Delays the answer by ms milliseconds.",
    ),
    Kind(
        "jitter", JitterParams, "call",
        "応答を 0 から most_ms ミリ秒の間でばらつかせる（seed が同じなら同じ順）。",
        "Delays every answer by 0 to most_ms milliseconds (the same order for the same seed).",
    ),
    Kind(
        "timeout", TimeoutParams, "call",
        "seconds 秒のあいだ何も答えず、それから接続を切る。",
        "Answers nothing for `seconds` seconds, then closes the connection.",
    ),
    Kind(
        "reset", Params, "call",
        "何も答えずに接続を切る。",
        "Closes the connection without an answer.",
    ),
    Kind(
        "error-without-json", ErrorWithoutJsonParams, "call",
        "JSON ではない本文で status のエラーを返す（中継装置の画面など）。",
        "Answers an error of that status whose body is no JSON (as a gateway's page does).",
    ),
    Kind(
        "clock-skew", ClockSkewParams, "call",
        "応答の Date ヘッダが seconds 秒ずれる。",
        "The Date header of the answer is off by `seconds` seconds.",
    ),
    Kind(
        "duplicate-rows", Params, "rows",
        "一覧の先頭の行が二度現れる（件数があれば1つ多い）。",
        "The first row of the answer appears twice (and a total counts it twice).",
    ),
    Kind(
        "missing-rows", MissingRowsParams, "rows",
        "一覧の先頭の n 行が欠ける（件数は元のまま）。",
        "The first n rows of the answer are missing (a total still counts them).",
    ),
    Kind(
        "shift", ShiftParams, "list",
        "1頁目を返した後に申請が1件先頭に現れ、以後の頁が1件ずつずれる（receipt_no: 遅れて現れる申請）。",
        "After the first page an application appears in front, so that later pages shift by one (receipt_no: which one).",
    ),
    Kind(
        "proxy-down", Params, "network",
        "連携サーバを止める（外すと同じポートで再開）。",
        "Stops the relay (it comes back on the same port when the fault is cleared).",
    ),
    Kind(
        "dns-change", DnsParams, "network",
        "連携サーバから見たダウンロード機能の名前が、誰もいない address を指す（外すと元に戻る）。",
        "At the relay the download function's name points to `address`, where nobody listens (cleared: as before).",
    ),
    Kind(
        "file-partial", PartialFileParams, "file",
        "ファイルの初めの percent ％だけが届く。",
        "Only the first `percent` per cent of the file arrive.",
    ),
    Kind(
        "file-resend", Params, "file",
        "新しいファイルの代わりに、前に届いたファイルがもう一度届く。",
        "The file that arrived before arrives again instead of a new one.",
    ),
    Kind(
        "file-out-of-sequence", OutOfSequenceParams, "file",
        "世代番号・受渡し番号が skip だけ飛ぶ。",
        "The generation (number) of the file skips `skip` ahead.",
    ),
    Kind(
        "file-wrong-totals", WrongTotalsParams, "file",
        "件数・管理用合計が実際より by 多い。",
        "Counts and control totals are `by` too high.",
    ),
    Kind(
        "file-wrong-encoding", Params, "file",
        "別の文字コード（UTF-16）で届く。",
        "The file arrives in another encoding (UTF-16).",
    ),
    Kind(
        "file-vanished", Params, "file",
        "届いたはずのファイルが無い。",
        "The file that should be there is not.",
    ),
)  # fmt: skip

FAULTS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
