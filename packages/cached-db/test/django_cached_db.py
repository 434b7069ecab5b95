"""A Django whose sessions are cached_db: databases and caches by the first argument, calls by line."""

import json
import random
import sys
import threading
import time

import django
from django.conf import settings
from line_protocol import serve

options = json.loads(sys.argv[1])
settings.configure(
    SECRET_KEY=options["secretKey"],
    USE_TZ=True,
    TIME_ZONE="UTC",
    INSTALLED_APPS=["django.contrib.sessions"],
    DATABASES={"default": options["database"]},
    CACHES={"default": options["cache"]},
    SESSION_ENGINE="django.contrib.sessions.backends.cached_db",
)
django.setup()

from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.cache import cache
from django.db import connection


class PausingStore(SessionStore):
    """Waits where Django may be interrupted: between the row that it read or wrote, and its cache."""

    def __init__(self, session_key, pause):
        super().__init__(session_key)
        store = self

        class PausingCache:
            def __getattr__(self, name):
                return getattr(cache, name)

            def set(self, *args):
                pause()
                store.put_at = time.monotonic()
                cache.set(*args)

        self._cache = PausingCache()


# Which is in the signature of what it reads and writes.
PausingStore.__qualname__ = SessionStore.__qualname__


def create(data):
    store = SessionStore()
    store.update(data)
    store.create()
    return store.session_key


def load(key):
    """The data, and the key that the session has: none where there is no session."""
    store = SessionStore(key)
    data = dict(store.items())
    return {"data": data, "key": store.session_key}


def save(key, data):
    store = SessionStore(key)
    store.update(data)
    store.save()


def delete(key):
    SessionStore(key).delete()


def is_cached(key):
    return SessionStore.cache_key_prefix + key in cache


_paused = {}


def _start(name, key, action):
    reached, go_on = threading.Event(), threading.Event()

    def pause():
        reached.set()
        go_on.wait()

    def run():
        store = PausingStore(key, pause)
        try:
            action(store)
            result["key"] = store.session_key
        except Exception as error:
            result["error"] = repr(error)
        finally:
            reached.set()
            connection.close()

    result = {}
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    reached.wait()
    _paused[name] = (thread, go_on, result)


def start_load(name, key):
    """Reads the row, and pauses before the cache is set."""

    def action(store):
        store["n"] if "n" in store else None

    _start(name, key, action)


def start_save(name, key, data):
    """Writes the row, and pauses before the cache is set."""

    def action(store):
        store._session_cache = data
        store.save()

    _start(name, key, action)


def go_on(name):
    thread, event, result = _paused.pop(name)
    event.set()
    thread.join()
    return result


_hammering = []


def start_hammer(keys, threads, most_ms):
    """Loads sessions without end, with a pause of at most this between row and cache."""
    stop = threading.Event()

    def run(loads):
        while not stop.is_set():
            key = random.choice(keys)
            began = time.monotonic()
            store = PausingStore(key, lambda: time.sleep(random.random() * most_ms / 1000))
            n = store.get("n")
            loads.append([key, began * 1000, n, hasattr(store, "put_at")])
        connection.close()

    for _ in range(threads):
        loads = []
        thread = threading.Thread(target=run, args=(loads,), daemon=True)
        thread.start()
        _hammering.append((stop, thread, loads))


def stop_hammer():
    """Every load: key, when it began, what it found, whether it set the cache."""
    for stop, _, _ in _hammering:
        stop.set()
    loads = []
    while _hammering:
        _, thread, found = _hammering.pop()
        thread.join()
        loads += found
    return loads


def clear():
    cache.clear()


serve(
    *(create, load, save, delete, is_cached, clear),
    *(start_load, start_save, go_on, start_hammer, stop_hammer),
)
