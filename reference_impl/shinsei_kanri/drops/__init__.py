"""③-5 by files: applications to a core system, and its 更新結果リスト and エラーリスト back."""
