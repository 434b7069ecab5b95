import json
import os
import sys

from line_protocol import serve


def argument(index):
    return sys.argv[index]


def variable(name):
    return os.environ.get(name)


def same(text):
    print("not an answer")
    return text


def kind(text):
    return repr(json.loads(text))


def fail():
    raise LookupError("nothing here")


def leave(code):
    print("the reason", file=sys.stderr)
    sys.exit(code)


def django_version():
    import django

    return django.get_version()


serve(argument, variable, same, kind, fail, leave, django_version)
