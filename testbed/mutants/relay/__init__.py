"""Mutants of the 連携サーバ: the Squid configuration or the embedded relay with one deliberate mistake each."""
