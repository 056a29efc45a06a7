"""既存住基システム: 番号紐付情報 (シリアル番号 ↔ 宛名番号) as full file, differential file and look-up (手順書5章②)."""
