"""マイナポータル申請管理「ダウンロード機能」: login, list, get, status list over HTTPS (手順書5章③-1)."""
