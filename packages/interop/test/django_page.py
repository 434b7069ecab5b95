"""What Django has, for the test that compares it with the documentation."""

import inspect
from importlib import import_module

from django.conf import global_settings, settings
from line_protocol import serve

settings.configure(INSTALLED_APPS=["django.contrib.sessions"])


def settings_in(block):
    """The settings that a block of Python makes; each has to be one of Django's."""
    made = {}
    exec(block, {"__builtins__": {}}, made)
    unknown = [name for name in made if not hasattr(global_settings, name)]
    if unknown:
        raise LookupError(f"Django has no {unknown}")
    return made


def names():
    """What there is to know of sessions: settings, what stores and errors are called."""
    import django

    django.setup()
    found = {name for name in dir(global_settings) if name.startswith("SESSION_")}
    for name in ("base", "db", "cache", "cached_db", "file", "signed_cookies"):
        module = import_module(f"django.contrib.sessions.backends.{name}")
        store = module.SessionBase if name == "base" else module.SessionStore
        found.update(name for name in dir(store) if not name.startswith("_") and name.islower())
    for name in ("sessions.backends.base", "sessions.exceptions"):
        module = import_module(f"django.contrib.{name}")
        found.update(
            name
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, Exception)
            and not issubclass(value, Warning)
        )
    # Of the file engine, until 4.2; it does nothing.
    return sorted(found - {"clean"})


serve(settings_in, names)
