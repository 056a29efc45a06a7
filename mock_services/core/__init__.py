"""基幹システム (one instance per core system id): serves 宛名情報, and takes applications over as a client (5章③-5, ④)."""
