"""③-2: an application ZIP as a typed application, or one sentence why it cannot be trusted (→ quarantine)."""
