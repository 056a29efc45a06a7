"""`shinsei init`: a commented target.toml to start from."""

from __future__ import annotations

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

[declare]                         # 宣言したものだけが試験され、宣言したものは拘束される
patterns = ["i", "iii"]           # 申請者特定の方法（③-3）
methods = { K01 = "iv", C01 = "iv" }   # 手続ごとの取込方式（④ i〜iv）
standard_config = true            # 連携サーバ＝プロキシの標準構成

[endpoints]
control = "http://127.0.0.1:8080" # 制御インターフェース（interface_spec/control.py）
handover = "http://127.0.0.1:8080"
# screen = "http://127.0.0.1:8080/app/{receipt_no}"   # 照会画面。省くと AM-3.4-02/03 は申告で確かめる

[credentials]                     # 秘密は env:名前 か file:パス
control_token = "env:AM_CONTROL_TOKEN"

[world.ports]                     # 模擬システムのポート。製品にはこの番号を設定する
download = 18443
relay = 18080
link = 18081
control = 18089
atena = { jido_teate = 18082, kaigo = 18083 }

# 外から見えない必須要件の申告。無いと「未完了」になる
# [attestations."AM-3.5-06"]
# statement = "インターフェース仕様書 第1版を基幹担当に提供した"
# by = "担当部署 氏名"
# date = 2026-11-01
"""

TEMPLATES = {"am": AM}
