#!/usr/bin/env bash
# 適合性試験を実施し、証跡を残し、終了コードを返す / run the suite, keep the evidence, return its exit code
#   ROLE=am TARGET=target.toml OUT=shinsei-out ./run.sh
set -uo pipefail
role=${ROLE:-am} target=${TARGET:-target.toml} out=${OUT:-shinsei-out}

shinsei doctor "$target" || exit 2
shinsei check "$role" --target "$target" --out "$out"
code=$?
run=$(ls -d "$out"/*-"$role"-* | tail -n 1)
shinsei report bundle "$run" --out "$out/evidence.zip" \
  --key "${SHINSEI_SIGNER_KEY:-shinsei-signer.key}" --cert "${SHINSEI_SIGNER_CERT:-shinsei-signer.pem}" || exit 3
exit "$code"
