"""The Python half of `PythonProcess`: answers calls, one line of JSON each, until its input ends."""

import json
import os
import sys
import traceback

# What is printed by accident must not get between the answers.
_answers = os.fdopen(os.dup(1), "wb", buffering=0)
os.dup2(2, 1)


def serve(*functions):
    """Answers calls of these functions, by name and with keyword arguments."""
    by_name = {function.__name__: function for function in functions}
    for line in sys.stdin.buffer:
        name, arguments = json.loads(line)
        try:
            answer = {"result": by_name[name](**arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        text = json.dumps(answer).encode("ascii") + b"\n"
        while text:
            text = text[_answers.write(text) :]
