"""Runs the site as long as the test keeps its input open."""

import os
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
import gate
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from line_protocol import serve


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]

    def log_message(self, *arguments):
        pass


def start():
    """Makes the tables. The address of the site."""
    django.setup()
    for database in settings.DATABASES:
        call_command("migrate", database=database, verbosity=0)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), Server, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def add_user(username, password):
    from django.contrib.auth.models import User

    User.objects.create_user(username, password=password)


def change_password(username, password):
    """As an administrator does it, or the user on another device."""
    from django.contrib.auth.models import User

    user = User.objects.get(username=username)
    user.set_password(password)
    user.save()


def slow_arrived():
    gate.arrived()


def slow_open():
    gate.open()


os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
serve(start, add_user, change_password, slow_arrived, slow_open)
