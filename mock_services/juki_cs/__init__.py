"""住基ネットCS: シリアル番号情報 by fixed-length record files, certificate events, 転出証明書情報 CS → CS (手順書5章②)."""
