"""The synthetic people as a Faker provider, for a vendor's own tests (needs the extra ``faker``).

from faker import Faker
from shinsei_testbed.faker import ShinseiProvider

fake = Faker("ja_JP")
fake.add_provider(ShinseiProvider(fake))
fake.seed_instance(7)
fake.resident()              # household, numbers, address …
fake.application_package()   # an application ZIP with what the list says about it
fake.hostile_package()       # one of the hostile corpus, with outcome and reason
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fixtures.faker_provider import ShinseiProvider
else:
    from shinsei_testbed.bridge import load

    ShinseiProvider = load("fixtures.faker_provider").ShinseiProvider

__all__ = ["ShinseiProvider"]
