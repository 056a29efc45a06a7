"""The 141 atomic requirements of 手順書 1.0 by level, as read from the text: the catalogue may not lose or soften one.

導出 are the derived rows: the set ``robustness``, level 推奨.
"""

from __future__ import annotations

_BY_LEVEL = {
    "必須": """
        FW-S32-01 FW-S32-02 FW-S32-03 MUN-S32-01 MUN-S33-01 AM-S33-02 MUN-S33-02 MUN-S33-03 MUN-S33-05 MUN-S33-08
        MUN-S43-01 MUN-S43-03 MUN-S43-04 MUN-S43-05 MUN-S43-06 MUN-S43-07 MUN-S43-08 MUN-S43-09 MUN-S43-10 MUN-S43-11
        MUN-S44-01 MUN-S45-01 AM-5.0-01 MUN-5.0-01 FW-1.1-01 FW-1.1-02 FW-1.1-03 FW-1.1-04 FW-1.1-05 FW-1.1-06
        FW-1.1-07 FW-1.2-01 FW-1.2-02 FW-1.2-04 FW-1.2-05 RLY-1.3-02 RLY-3.1-01 PKG-2-01 JUKI-2-01 JUKI-2-02 JUKI-2-03
        JUKI-2-05 JUKI-2-06 JUKI-2-07 JUKI-2-08 AM-3.0-01 AM-3.0-03 AM-3.1-01 AM-3.1-02 AM-3.1-03 PKG-3.2-01 AM-3.2-01
        AM-3.2-02 AM-3.2-03 AM-3.2-04 PKG-3.3-01 AM-3.3-01 AM-3.3-02 AM-3.3-03 AM-3.3-04 ATENA-3.3-01 AM-3.3-05
        AM-3.3-06 AM-3.3-07 AM-3.4-01 AM-3.4-02 AM-3.4-03 AM-3.4-04 AM-3.4-06 AM-3.4-07 AM-3.5-02 AM-3.5-03 AM-3.5-05
        AM-3.5-06 MUN-4.0-01 CORE-4.0-01 AM-4.1-01 AM-4.2-01 MUN-4.2-01 CORE-4.2-01 CORE-4.3-01 CORE-4.3-02
        CORE-4.3-03 CORE-4.4-01 CORE-4.4-02 CORE-4.4-03 CORE-4.4-04 CORE-4.4-05 CORE-4.4-06 CORE-4.4-07 CORE-4.4-08
        CORE-4.4-09 MUN-S62-01 RLY-S62-01 FW-S62-01 FW-S62-02 FW-S62-05 AM-S62-02
        """,
    "推奨": """
        AM-S32-01 AM-S33-03 MUN-S33-06 MUN-S33-07 AM-3.0-02 AM-3.4-05 MUN-S61-01 RLY-S62-02 FW-S62-03 FW-S62-04
        FW-S62-06 AM-S62-01
        """,
    "任意": """
        AM-S33-01 MUN-S43-02 FW-1.2-03 RLY-1.3-01 JUKI-2-04 AM-3.0-04 AM-3.5-01 AM-3.5-04
        """,
    "非拘束": """
        MUN-S33-04 JUKI-S33-01
        """,
    "導出": """
        FW-1.1-81 JUKI-2-81 JUKI-2-82 AM-3.1-81 AM-3.1-82 AM-3.1-83 AM-3.1-84 AM-3.2-81 AM-3.2-82 AM-3.2-83 AM-3.3-81
        AM-3.3-82 AM-3.3-83 AM-3.3-84 AM-3.3-85 AM-3.3-86 AM-3.4-81 AM-3.4-82 AM-3.5-81 AM-3.5-82 CORE-4.4-81
        """,
}

IDS: dict[str, tuple[str, ...]] = {level: tuple(names.split()) for level, names in _BY_LEVEL.items()}
