# 申請連携テストベッド — make help
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup conformance test test-long lint matrix bench crash faults docs-check axe wheel clean

help: ## この一覧を表示 / show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## .venv を uv.lock のとおりに用意 / make .venv exactly as locked
	@$(PYTHON) tools/bootstrap.py

conformance: setup ## 同梱の申請管理システムに適合性試験を実施 / run the conformance suite on the bundled system (ARGS=…)
	@$(BIN)/shinsei check am $(ARGS)

test: setup ## 自動試験 / run the tests (ARGS=…)
	@$(BIN)/python -m pytest -n 2 --dist loadscope -m "not long" $(ARGS)

test-long: setup ## 時間のかかる自動試験（.ci/run が make test に続けて行う） / the long tests, which .ci/run makes after them
	@$(BIN)/python -m pytest -n 2 --dist loadscope -m long $(ARGS)

lint: setup ## 静的検査 / ruff, mypy --strict, import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/mypy --no-error-summary tools
	@$(BIN)/lint-imports

matrix: setup ## 変異体と検査の対応表を作成 / make the kill matrix: which check catches which mutant
	@$(BIN)/shinsei mutants matrix $(ARGS)

bench: setup ## 性能測定 / run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

crash: setup ## 申請管理システムを無作為に落として約束を確かめる / kill the product at random moments (ARGS="--kills 20")
	@$(BIN)/python -m testbed.crash $(ARGS)

faults: setup ## 模擬世界の障害を呼出しごとに1つずつ起こす / every named fault on every call of the product
	@$(BIN)/python -m testbed.fault_walk $(ARGS)

docs-check: setup ## 文書のリンクと書式を検査 / check the documents
	@$(BIN)/python tools/docs_check.py

axe: setup ## 模擬世界の画面を axe-core で検査（npm と chromium が要る） / axe-core over the pages of the simulated world
	@mkdir -p .tools/axe && cd .tools/axe && test -f package/axe.min.js || npm pack --silent axe-core | xargs tar xzf
	@SHINSEI_AXE=$(CURDIR)/.tools/axe/package/axe.min.js $(BIN)/python -m pytest tests/mock_services/test_axe.py -q $(ARGS)

wheel: setup ## 配布物 (wheel) を dist/ に作成 / build the wheel into dist/
	@$(BIN)/python -m hatchling build -t wheel -d dist

clean: ## 作られたものをすべて削除 / remove everything that was made
	@rm -rf .venv .tools .mypy_cache .ruff_cache .hypothesis .import_linter_cache out dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
