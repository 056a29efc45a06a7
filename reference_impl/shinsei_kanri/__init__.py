"""申請管理システム (5章③): takes applications in, identifies the people, is reviewed by staff, hands over to the core systems.

Folders and files: `wiring` (profile ↔ typed values) · `storage` (PostgreSQL) · `download_client`, `importing` (③-1) ·
`unpack` (③-2) · `links`, `atena`, `identify` (③-3) · `review` (③-4) · `handover` (③-5) · `control_api`, `pages` (people
and harnesses) · `settings`, `jobs`, `app`, `__main__` (putting it together).
"""

VERSION = "0.1.0"
