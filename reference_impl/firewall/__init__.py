"""Reference settings of the two firewalls and of the Squid relay, written from the policy alone (5章①-1, ①-2, ①-3)."""
