"""Papers for people: 試験成績書, 手続の接続状況, clean-up list, 回答と実測. Each is a `Paper`, then HTML (A4) and XLSX."""
