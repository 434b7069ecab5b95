"""Django's cache engine on a Redis: what it stores, and what it reads of what others stored."""

import json
import sys

import django
from django.conf import settings

from line_protocol import serve

backend, location, key_prefix, options = sys.argv[1:]
settings.configure(
    CACHES={
        "default": {
            "BACKEND": backend,
            "LOCATION": location,
            "KEY_PREFIX": key_prefix,
            "OPTIONS": json.loads(options),
        }
    },
    SECRET_KEY="a secret of the tests, long enough 0123456789",
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402


def describe(session):
    """The entries with their types."""
    return repr(dict(session.items()))


def save(entries):
    """Stores what is written as Python literals."""
    session = SessionStore()
    session.update(eval(entries))  # the tests' own texts
    session.save()
    return session.session_key


def save_json(texts):
    """Stores sessions, and returns their keys."""
    keys = []
    for text in texts:
        session = SessionStore()
        session.update(json.loads(text))
        session.save()
        keys.append(session.session_key)
    return keys


def load(keys):
    return [describe(SessionStore(key)) for key in keys]


def entries(texts):
    """How `load` describes these JSON texts."""
    return [repr(json.loads(text)) for text in texts]


def set_entry(key, name, value):
    session = SessionStore(key)
    session[name] = value
    session.save()


def flush(key):
    SessionStore(key).flush()


def exists(key):
    return SessionStore().exists(key)


serve(save, save_json, load, entries, set_entry, flush, exists)
