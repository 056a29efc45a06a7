"""団体内統合宛名: REST in 共通機能 style with OAuth 2.0 client credentials (手順書5章③-3 ii、共通機能標準仕様書)."""
