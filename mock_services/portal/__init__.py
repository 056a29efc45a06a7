"""ぴったりサービス: the application API and the resident's screens (手順書 3.3、図表5)."""

import fixtures.cases  # noqa: F401 - the parts of fixtures import each other in a ring; from here it resolves
