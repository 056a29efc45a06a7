#!/usr/bin/env bash
# 適合性試験を実施し、証跡を残し、終了コードを返す / run the suite, keep the evidence, return its exit code
#   0 適合  1 不適合  2 設定の誤り  3 試験側の誤り  4 未完了
#
#   ROLE=am      TARGET=target.toml ./run.sh
#   ROLE=relay   TARGET=relay-target.toml ./run.sh
#   ROLE=fw      BOUNDARY=bfw.nft LGWAN=lgfw.nft PROXY=squid.conf POLICY=policy.toml ./run.sh
#   ROLE=package PACKAGES="a.zip b.zip" ./run.sh
# ほかに / also: OUT（結果のフォルダ）、CHALLENGE（発注者のチャレンジ）、OVERLAY（申請ZIPの上書きプロファイル）、
#   SHINSEI_SIGNER_KEY と SHINSEI_SIGNER_CERT（署名鍵と証明書。無ければ作る）
set -uo pipefail
role=${ROLE:-am} out=${OUT:-shinsei-out}
mkdir -p "$out" || exit 2

run() {
  local options=(--out "$out")
  [ -n "${CHALLENGE:-}" ] && options+=(--challenge "$CHALLENGE")
  case $role in
    am)
      shinsei doctor "${TARGET:-target.toml}" || return 2
      shinsei check am --target "${TARGET:-target.toml}" "${options[@]}" ;;
    relay) shinsei check relay --target "${TARGET:-relay-target.toml}" "${options[@]}" ;;
    fw)
      [ -n "${POLICY:-}" ] && options+=(--policy "$POLICY")
      [ -n "${PROXY:-}" ] && options+=(--proxy "$PROXY")
      shinsei check fw --boundary "${BOUNDARY:?BOUNDARY=境界FWの規則}" --lgwan "${LGWAN:?LGWAN=LGWAN-FWの規則}" "${options[@]}" ;;
    package)
      [ -n "${OVERLAY:-}" ] && options+=(--overlay "$OVERLAY")
      # shellcheck disable=SC2086 # 空白で区切った一覧 / a list separated by blanks
      shinsei check package ${PACKAGES:?PACKAGES=申請ZIP} "${options[@]}" ;;
    *) echo "ROLE=$role: am relay fw package のどれかにしてください / use one of these" >&2; return 2 ;;
  esac
}

run
code=$?
latest=$(find "$out" -mindepth 1 -maxdepth 1 -type d -name "*-$role-*" | sort | tail -n 1)
if [ -n "$latest" ] && [ -s "$latest/plan.json" ]; then
  shinsei report bundle "$latest" --out "$out/evidence.zip" \
    --key "${SHINSEI_SIGNER_KEY:-shinsei-signer.key}" --cert "${SHINSEI_SIGNER_CERT:-shinsei-signer.pem}" || exit 3
fi
exit "$code"
