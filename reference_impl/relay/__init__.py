"""連携サーバ (5章①-3): a small forward proxy in the DMZ. CONNECT only, to the listed FQDN and port only, every request logged.

It opens no TLS: the session stays between 申請管理システム and ダウンロード機能. Standard library only, so that it
starts at once and a reader sees every line that decides about a connection.
"""
