"""`shinsei init`: a commented target.toml to start from."""

from __future__ import annotations

from interface_spec.policy import POLICIES

AM = """\
# 申請管理システムの試験設定。値を自社の製品に合わせて書き換え、shinsei doctor で確かめる。
# Settings for the suite of role am. Adapt, then: shinsei doctor target.toml
role = "am"

[product]
name = "申請管理システム"        # 報告書に載る名前
version = "1.0"
vendor = "製造者名"

[run]
procedures = ["K01", "C01"]       # 対象の手続（shinsei の手続ID）
# credential = "per-seed"         # 設定する認証情報を乱数種ごとに変える（前の実施のまま動く製品を見分ける）。値は doctor が示す

[declare]                         # 宣言したものだけが試験され、宣言したものは拘束される
patterns = ["i", "iii"]           # 申請者特定の方法（③-3）
methods = { K01 = "iv", C01 = "iv" }   # 手続ごとの取込方式（④ i〜iv）
standard_config = true            # 連携サーバ＝プロキシの標準構成

[endpoints]
control = "http://127.0.0.1:8080" # 制御インターフェース（interface_spec/control.py）
handover = "http://127.0.0.1:8080"
# screen = "http://127.0.0.1:8080/app/{receipt_no}"   # 照会画面。省くと AM-3.4-02/03 は申告で確かめる

# [handover]                      # ③-5 を共有フォルダーのファイルで渡す製品だけ（endpoints.handover は消す）
# kind = "files"
# folder = "renkei"               # ファイル名・列名はプロファイルの drops.handover。違えば上書きプロファイルで書く

[credentials]                     # 秘密は env:名前 か file:パス
control_token = "env:AM_CONTROL_TOKEN"   # 制御インターフェースのトークン。ほかの秘密は、省くと doctor の示す試験用の値になる

# ── 試験が製品をどう動かし、どう見るか。五つのうち一つを選ぶ / one of five adapters ──
[adapter]
kind = "http"                     # 1. 上の制御インターフェースで動かす
# trigger = "poll"                # 自分の周期でしか取り込まない製品
# poll_seconds = 600              # その周期（秒）。全検査は取込み6回で済む（10分なら1時間）
job_timeout_seconds = 600         # 取込み一回を待つ上限

# 2. コマンドで動かす（kind = "command"）。標準出力に制御インターフェースのJSON、終了コードは 0 完了・3 拒否・4 該当なし
# [adapter.commands]
# health = ["./am.sh", "health"]
# sync = ["./am.sh", "sync"]
# import = ["./am.sh", "import"]
# list = ["./am.sh", "list"]
# show = ["./am.sh", "show", "{receipt_no}"]
# attachment = ["./am.sh", "attachment", "{receipt_no}", "{seq}"]
# review = ["./am.sh", "review", "{receipt_no}"]
# identify = ["./am.sh", "identify", "{receipt_no}"]

# 3. 連携ファイルで動かす（kind = "files"）。すべての表と依頼は docs/examples/target-files.toml
# [adapter.files]
# outbox = "renkei/out"
# inbox = "renkei/in"
# encoding = "utf-8-sig"
# [adapter.files.export.applications]
# file = "申請一覧.csv"
# columns = { receipt_no = "受付番号", procedure_id = "手続", ingestion = "取込状態", review = "審査状況", handover = "連携状態", received_at = { column = "受付日時", format = "%Y/%m/%d %H:%M:%S", zone = "+09:00" }, arrived_at = { column = "到達日時", format = "%Y/%m/%d %H:%M:%S", zone = "+09:00" } }
# [adapter.files.request.import]
# file = "torikomi_{number}.csv"

# 4. 自社で書いた小さなクラスで動かす（kind = "python"）。例は docs/examples/am_adapter.py
# [adapter.python]
# file = "am_adapter.py"
# settings = { url = "http://127.0.0.1:8080" }

# 5. 人が画面を操作する（kind = "operator"）。端末と頁に質問が出る
# [adapter.operator]
# answer_minutes = 30
# asks = ["persons", "quarantine_reason", "core_errors"]

[world]
ca_folder = "shinsei-ca"          # 試験用の認証局。製品には dl-ca.pem を信頼させる（doctor が作り、実施のあいだ変わらない）

[world.ports]                     # 模擬システムのポート。製品にはこの番号を設定する
download = 18443
relay = 18080
link = 18081
control = 18089
atena = { jido_teate = 18082, kaigo = 18083 }

# 試験が製品を起動するとき（製品を別に動かすなら要らない）
# [start]
# command = ["/opt/product/bin/am", "--config", "am.ini"]      # コンテナなら command の代わりに image = "product:1.0"
# env = { PROXY_URL = "{proxy_url}", DOWNLOAD_URL = "{download_url}", DOWNLOAD_CA_FILE = "{download_ca_file}" }

# 免除。不適合は不適合のまま印刷され、期限が切れると終了コード 2
# [[waiver]]
# check = "AM-3.2-03c"
# reason = "次の版で修正"
# owner = "□□市 情報政策課"
# expires = 2027-03-31

# 外から見えない必須要件の申告。無いと「未完了」になる
# [attestations."AM-3.5-06"]
# statement = "インターフェース仕様書 第1版を基幹担当に提供した"
# by = "担当部署 氏名"
# date = 2026-11-01
"""

RELAY = """\
# 連携サーバの試験設定。 / Settings for the suite of role relay. Then: shinsei check relay --target FILE
role = "relay"
kind = "proxy"                    # proxy | store-and-forward（蓄積型） | other
policy = "baseline"               # 通信方針。自団体の方針はファイル名で指す（shinsei init fw が雛形を書く）

# Squid なら設定ファイルだけを書く
squid_conf = "squid.conf"
# そのほかの製品は起動のしかたと、記録の場所を書く。{dir} は試験が用意するフォルダー
# command = ["/opt/relay/bin/relay", "--config", "{dir}/relay.conf"]
# files = { "relay.conf" = "relay.conf" }
# log = "access.log"
# observe_seconds = 6             # 蓄積型: 自分から取りに行くのを見る秒数

[product]
name = "連携サーバ"
version = "1.0"
vendor = "製造者名"

# 外から見えない必須要件の申告
# [attestation."FW-1.1-03"]
# statement = "連携サーバはDMZに置き、足は一つである"
# by = "担当部署 氏名"
# date = 2026-11-01
"""

STATED = """\
# {ja}の設定。値を書き換え、shinsei doctor で確かめる。 / Settings for role {role}. Then: shinsei doctor FILE
role = "{role}"
{more}
[product]
name = "{ja}"                     # 報告書に載る名前
version = "1.0"
vendor = "製造者名"

# 必須要件の申告。doctor が、申告のない要件を一つずつ示す
# [attestations."要件のID"]
# statement = "どう満たしているか"
# by = "担当部署 氏名"
# date = 2026-11-01
"""
PROCEDURES = 'procedures = ["K01", "C01"]       # 対象の手続（shinsei の手続ID）\n'
OTHERS = {
    "juki": (
        "既存住基システム",
        'serial_source = "cs"              # シリアル番号の出所: cs（住基ネットCS） | existing（既存のものを使う）\n',
    ),
    "atena": ("団体内統合宛名システム", ""),
    "core": ("基幹システム", PROCEDURES + 'methods = { K01 = "iv", C01 = "iv" }   # 手続ごとの取込方式（④ i〜iv）\n'),
    "portal": ("汎用的電子申請システム", PROCEDURES),
    "mun": ("地方公共団体", PROCEDURES),
    "package": ("申請データを作るシステム", PROCEDURES + "# 判定は shinsei validate 申請.zip で行う\n"),
}
FW_HEAD = """\
# 境界FW・LGWAN-FW の通信方針の雛形（標準構成）。アドレスと名前を自団体のものに書き換える。
# A policy to start from. Then: shinsei doctor FILE; shinsei check fw --policy FILE --boundary RULES --lgwan RULES
#
"""


def template(role: str) -> str:
    """The commented file to start from for ``role``, one of `interface_spec.requirements.ROLES`. KeyError for any other."""
    if role == "am":
        return AM
    if role == "relay":
        return RELAY
    if role == "fw":
        return FW_HEAD + (POLICIES / "baseline.toml").read_text(encoding="utf-8")
    ja, more = OTHERS[role]
    return STATED.format(role=role, ja=ja, more=more)
