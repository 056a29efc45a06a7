"""PostgreSQL: tables, connections and the few questions that the rest of the system asks."""
