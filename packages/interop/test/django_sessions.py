"""Django's sessions, for the tests that share them. The first argument is Django's settings as JSON."""

import json
import math
import sys
from contextlib import contextmanager, nullcontext
from datetime import datetime
from importlib import import_module
from unittest import mock

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from line_protocol import serve

settings.configure(**json.loads(sys.argv[1]))
django.setup()
SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def migrate():
    call_command("migrate", verbosity=0)


def write(documents):
    """Makes a session of each document, and returns their keys."""
    with one_transaction():
        return [save(SessionStore(), json.loads(document)) for document in documents]


def change(keys, changes):
    """Applies one change to each session, and returns the keys that their cookies carry from then on."""
    with one_transaction():
        return [change_one(SessionStore(key), change) for key, change in zip(keys, changes)]


def compare(keys, documents, changes):
    """Those sessions that are not exactly the document with the change applied."""
    unequal = []
    for key, document, change in zip(keys, documents, changes):
        expected = json.loads(document)
        apply(expected, change)
        found = SessionStore(key).load()
        if not same(expected, found):
            unequal.append({"document": document, "change": change, "found": json.dumps(found)})
    return unequal


def write_expiring(now, expiries):
    """Makes a session with each expiry: seconds, a date, or null for the default. Their keys."""
    with at(now):
        return [write_one(expiry) for expiry in expiries]


def write_one(expiry):
    session = SessionStore()
    if isinstance(expiry, str):
        expiry = local(expiry)
    session.set_expiry(expiry)
    return save(session, {"by": "Django"})


def clear(now):
    """Django's own command, at another time."""
    with at(now):
        call_command("clearsessions", verbosity=0)


def saved(keys):
    """Those of the keys under which there is a session, expired or not."""
    return [key for key in keys if SessionStore().exists(key)]


@contextmanager
def at(instant):
    """Django's clock."""
    with mock.patch("django.utils.timezone.now", return_value=local(instant)):
        yield


def local(instant):
    """The instant as Django's clock gives it: without a zone where USE_TZ is off."""
    date = datetime.fromisoformat(instant)
    return date if settings.USE_TZ else timezone.make_naive(date)


def save(session, data):
    session.update(data)
    session.save()
    return session.session_key


def change_one(session, change):
    apply(session, change)
    session.save()
    return session.session_key


def apply(container, change):
    *outer, last = change["path"]
    for step in outer:
        container = container[step]
    if "value" in change:
        container[last] = json.loads(change["value"])
    else:
        del container[last]


def same(a, b):
    """Equal in type, sign and order too, where Python's == is content with 1 == 1.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or a != a and b != b)
    return a == b


def one_transaction():
    # Hundreds of sessions in one, or each waits for the disk.
    return transaction.atomic() if settings.SESSION_ENGINE.endswith(".db") else nullcontext()


serve(migrate, write, change, compare, write_expiring, clear, saved)
