"""Holds the page `slow` while the test does something else."""

import queue

_arrived = queue.SimpleQueue()
_open = queue.SimpleQueue()
_SECONDS = 30


def wait():
    _arrived.put(None)
    _open.get(timeout=_SECONDS)


def arrived():
    """Returns when a request waits."""
    _arrived.get(timeout=_SECONDS)


def open():
    """Lets one request go on."""
    _open.put(None)
