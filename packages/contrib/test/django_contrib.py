"""What a real Django does with messages, CSRF tokens and redirects, for the tests of this package."""

import sys

import django
from django.conf import settings

SECRET_KEY, IS_32 = sys.argv[1], django.VERSION < (4,)

settings.configure(
    SECRET_KEY=SECRET_KEY,
    ALLOWED_HOSTS=["*"],
    CSRF_USE_SESSIONS=True,
    CSRF_FAILURE_VIEW="__main__.refused",
    CSRF_TRUSTED_ORIGINS=["dashboard.example.com", ".trusted.example"]
    if IS_32
    else ["https://dashboard.example.com", "https://*.trusted.example"],
    LOGGING_CONFIG=None,
)
django.setup()

from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.test import RequestFactory
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeData, mark_safe
from line_protocol import serve


def request_with(session, cookies=None):
    request = RequestFactory().get("/")
    request.session = session
    request.COOKIES.update(cookies or {})
    return request


def shown(storage):
    return [
        {
            "level": message.level,
            "text": str(message.message),
            "tags": message.tags,
            "isSafe": isinstance(message.message, SafeData),
        }
        for message in storage
    ]


def show_session(session):
    """What a page shows, and what is left in the session."""
    storage = SessionStorage(request_with(session))
    messages = shown(storage)
    storage.update(HttpResponse())
    return {"messages": messages, "session": session}


def show_default(session, cookie):
    """The same with Django's default storage, which looks at the cookie first."""
    return shown(FallbackStorage(request_with(session, {"messages": cookie})))


def made(messages):
    return [
        Message(m["level"], mark_safe(m["text"]) if m["isSafe"] else m["text"], m["extraTags"])
        for m in messages
    ]


def add_messages(session, messages):
    """A session to which a view adds messages."""
    storage = SessionStorage(request_with(session))
    for message in made(messages):
        storage.add(message.level, message.message, message.extra_tags)
    storage.update(HttpResponse())
    return session


def cookie_of(messages):
    """The cookie, and the session with what did not fit."""
    request = request_with({})
    storage = FallbackStorage(request)
    response = HttpResponse()
    for message in made(messages):
        storage.add(message.level, message.message, message.extra_tags)
    storage.update(response)
    return {"cookie": response.cookies["messages"].value, "session": request.session}


def csrf_token(session):
    """A page with a form: its token, and the session after it."""
    request = request_with(session)
    response = CsrfViewMiddleware(lambda given: HttpResponse(get_token(given)))(request)
    return {"token": response.content.decode(), "session": request.session}


def refused(request, reason=""):
    return HttpResponse(reason, status=403)


def csrf_reasons(requests):
    """For each request the reason that it is refused for; None where it is not."""
    middleware = CsrfViewMiddleware(lambda request: HttpResponse())
    reasons = []
    for given in requests:
        fields = {} if given["formToken"] is None else {"csrfmiddlewaretoken": given["formToken"]}
        names = {"origin": "HTTP_ORIGIN", "referer": "HTTP_REFERER", "x-csrftoken": "HTTP_X_CSRFTOKEN"}
        headers = {names[name]: value for name, value in given["headers"].items()}
        request = RequestFactory().generic(
            given["method"], "/", secure=given["secure"], HTTP_HOST=given["host"], **headers
        )
        request._post = fields
        request._files = {}
        request.session = dict(given["session"])
        middleware.process_request(request)
        response = middleware.process_view(request, lambda _: None, (), {})
        reasons.append(None if response is None else response.content.decode())
    return reasons


def safe_urls(urls, hosts, require_https):
    """Those of the URLs that a redirect may lead to."""
    return [
        url_has_allowed_host_and_scheme(url, allowed_hosts=set(hosts), require_https=require_https)
        for url in urls
    ]


serve(show_session, show_default, add_messages, cookie_of, csrf_token, csrf_reasons, safe_urls)
