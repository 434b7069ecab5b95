"""The application of src/application.ts on Django; the settings come as JSON in BENCH_SETTINGS."""

import json
import os

from django.conf import settings

given = json.loads(os.environ["BENCH_SETTINGS"])
settings.configure(
    DEBUG=False,
    SECRET_KEY=given["SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.sessions"],
    DATABASES=given.get("DATABASES", {}),
    CACHES=given.get("CACHES", {}),
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"] if "SESSION_ENGINE" in given else [],
    **{name: value for name, value in given.items() if name.startswith("SESSION_")},
)

from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import re_path  # noqa: E402

WORDS = ["wool", "felt", "hook", "brush", "ticket", "button", "collar", "sleeve", "pocket"]


def entries_of(user, count):
    cart = []
    size = 110
    item = 0
    while size + 60 < count:
        number = ((user + 1) * (2654435761 + item * 40503)) % 2**32
        name = f"{WORDS[number % 9]} {WORDS[(number >> 4) % 9]}"
        cart.append({"id": number, "name": name, "quantity": number % 7 + 1, "price": number % 99991 / 100})
        size += 66
        item += 1
    preferences = {"language": "de", "theme": "dark", "perPage": 25}
    return {"user": f"user-{user}", "last": "0", "preferences": preferences, "cart": cart}


class NoSession(dict):
    """It says who asks without looking anywhere."""

    def __init__(self, user):
        self.user = user

    def get(self, name, default=None):
        return f"user-{self.user}"


def answer(request):
    _, route, *rest = request.path.split("/")
    user = int(rest[0]) if rest else 0
    session = request.session if "SESSION_ENGINE" in given else NoSession(user)
    body = "untouched"
    if route == "create":
        for name, entry in entries_of(user, int(rest[1])).items():
            session[name] = entry
        body = "created"
    elif route == "read":
        body = session.get("user", "undefined")
    elif route == "write":
        session["last"] = body = rest[1]
    elif route == "last":
        body = session.get("last", "undefined")
    response = HttpResponse(body, content_type="text/plain; charset=utf-8")
    # Django sets Vary by itself.
    if route in ("create", "write") and "SESSION_ENGINE" in given:
        response["Cache-Control"] = "no-store"
    return response


def make_durable(connection, **_):
    """As durable as everybody else's SQLite, and no slower."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")


connection_created.connect(make_durable)
urlpatterns = [re_path("", answer)]
application = get_wsgi_application()
if "DATABASES" in given:
    call_command("migrate", "sessions", verbosity=0)
