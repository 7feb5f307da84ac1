"""Hints, "there is work", and the broker that carries them. What they are about is in the database.

`hints` publishes them off the caller's thread, `celery_app` is the Celery app with its settings, `embedded_valkey` the
broker where nobody set another. May import `core`; bot and workers import it.
"""

__all__ = ["celery_app", "embedded_valkey", "hints"]  # pyright: ignore[reportUnsupportedDunderAll]
