"""The same pages as the Koa half has: JSON in, JSON out."""

import json
from datetime import datetime

import gate
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def log_in(request):
    found = authenticate(request, **json.loads(request.body))
    if found is None:
        return JsonResponse({"error": "wrong name or password"}, status=401)
    login(request, found)
    return user(request)


@csrf_exempt
def log_out(request):
    logout(request)
    return user(request)


def user(request):
    return JsonResponse({"user": request.user.get_username() or None})


@csrf_exempt
def password(request):
    """The user changes the password and stays logged in here."""
    request.user.set_password(json.loads(request.body)["password"])
    request.user.save()
    update_session_auth_hash(request, request.user)
    return user(request)


@csrf_exempt
def cart(request):
    items = request.session.get("cart", [])
    if request.method == "POST":
        items = [*items, json.loads(request.body)["item"]]
        request.session["cart"] = items
    return JsonResponse({"cart": items})


@csrf_exempt
def session(request):
    """Every entry; POST sets those that it is given."""
    if request.method == "POST":
        request.session.update(json.loads(request.body))
    return JsonResponse(dict(request.session.items()))


@csrf_exempt
def expiry(request):
    if request.method == "POST":
        given = json.loads(request.body)
        request.session.set_expiry(_date(given["date"]) if "date" in given else given["seconds"])
        # An expiry alone is no session.
        request.session.setdefault("cart", [])
    return JsonResponse(
        {
            "age": request.session.get_expiry_age(),
            "browserClose": request.session.get_expire_at_browser_close(),
        }
    )


def _date(text):
    date = datetime.fromisoformat(text)
    return date if settings.USE_TZ else timezone.make_naive(date)


@csrf_exempt
def flash(request):
    """Shows the messages and so removes them; POST leaves one."""
    if request.method == "POST":
        given = json.loads(request.body)
        messages.add_message(request, given["level"], given["text"], given.get("tags", ""))
        return JsonResponse({})
    return JsonResponse(
        {
            "messages": [
                {"level": message.level, "text": message.message, "tags": message.tags}
                for message in messages.get_messages(request)
            ]
        }
    )


def form(request):
    """The one page that is not exempt from the CSRF protection."""
    return JsonResponse({"sent": True} if request.method == "POST" else {"token": get_token(request)})


@csrf_exempt
def slow(request):
    """Reads the session, waits until the test says so, and changes it."""
    request.session.get("cart")
    gate.wait()
    request.session["late"] = "change"
    return JsonResponse({"late": request.session["late"]})
