"""The Celery app and its queues. Importing it reads the settings and loads no task and no model."""

from __future__ import annotations

from celery import Celery

from workers.core.events import MAINTENANCE
from workers.core.settings import Settings, load
from workers.queue import embedded_valkey

# Short times: a publish to a hung broker blocked for 20 to 40 s.
SOCKET = {
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    "retry_on_timeout": False,
    "socket_keepalive": False,
    "health_check_interval": 10,
}


def make(settings: Settings) -> Celery:
    """A Celery app on the settings' broker: JSON only, early acknowledgement, because tasks are hints."""
    url = settings.broker.url.get_secret_value() or embedded_valkey.broker_url(settings.data_dir)
    # A sweep that nobody took is of no use once the next one is there.
    once = {"queue": MAINTENANCE, "expires": settings.sweep_seconds}
    sweep = {"task": MAINTENANCE, "schedule": settings.sweep_seconds, "options": once}
    celery = Celery("backchannel", broker=url, backend=url, include=["workers.tasks"])
    celery.conf.update(
        task_serializer="json",
        result_serializer="json",
        # A pickled message is refused and dropped, and the worker lives on.
        accept_content=["json"],
        # With a result to keep, a publish blocked for 19 s while the broker was away.
        task_ignore_result=True,
        task_default_queue=MAINTENANCE,
        worker_prefetch_multiplier=1,
        # A job goes on while the broker is away: its lease is in the database.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        # None is for ever: however long the broker was away, its workers come back.
        broker_connection_max_retries=None,
        broker_connection_timeout=2.0,
        broker_transport_options=SOCKET,
        result_backend_transport_options=SOCKET,
        redis_socket_timeout=5.0,
        redis_socket_connect_timeout=2.0,
        redis_retry_on_timeout=False,
        worker_hijack_root_logger=False,
        # For dashboards such as Flower.
        worker_send_task_events=True,
        beat_schedule={"sweep": sweep},
        beat_max_loop_interval=5,
    )
    return celery


def publish(celery: Celery, queue: str) -> None:
    """Send one hint, now. May raise; takes no longer than the socket's time limits."""
    # It expires, because a sweep hints again for whatever still waits.
    celery.send_task(queue, queue=queue, ignore_result=True, retry=False, expires=60)


app = make(load())
