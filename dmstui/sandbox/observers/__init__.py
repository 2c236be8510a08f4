"""Real effects behind moto's records, one file a service; the front tells an observer of each call around moto."""
