"""Python's side of the tests of pickles: reads what we write, and writes what we have to read."""

import base64
import json
import pickle
import random

from line_protocol import serve


def describe(value):
    """Everything that matters of a value: types, order, signs of zeros; and nothing of identity."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join(f"{describe(k)}: {describe(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "%s[%s]" % (type(value).__name__, ", ".join(map(describe, value)))
    return f"{type(value).__name__} {value!r}".encode("ascii", "backslashreplace").decode()


def load(pickled):
    return pickle.loads(base64.b64decode(pickled))


def dump(value, protocol):
    return base64.b64encode(pickle.dumps(value, protocol)).decode()


def to_json(value):
    return json.dumps(value, separators=(",", ":"))


def from_json(texts, protocol):
    """Pickles of what is in these texts, and the texts as Python writes them."""
    values = [json.loads(text) for text in texts]
    return [{"pickle": dump(value, protocol), "json": to_json(value)} for value in values]


def differences(texts, pickles):
    """Pairs of a text and a pickle that are not the same value."""
    pairs = [(describe(json.loads(t)), describe(load(p))) for t, p in zip(texts, pickles)]
    return [pair for pair in pairs if pair[0] != pair[1]]


def random_value(rng, depth):
    kinds = ["int", "big", "float", "str", "const"] + ["list", "tuple", "dict", "shared"] * (depth > 0)
    kind = rng.choice(kinds)
    if kind == "int":
        return rng.choice([0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1])
    if kind == "big":
        return rng.randrange(-(2**200), 2**200) >> rng.randrange(200)
    if kind == "float":
        special = [0.0, -0.0, 1.0, 1e16, 1e-5, 5e-324, 1.7976931348623157e308]
        odd = [float("inf"), float("-inf"), float("nan")]
        return rng.choice(special + odd + [rng.uniform(-1, 1), rng.gauss(0, 1e20), rng.gauss(0, 1e-9)])
    if kind == "str":
        return "".join(map(chr, rng.choices([0, 10, 34, 47, 92, 127, 160, 0x2028, 0xD83D, 0xFFFD, 0x1F600, 97], k=rng.randrange(6))))
    if kind == "const":
        return rng.choice([None, True, False])
    if kind == "dict":
        return random_dict(rng, depth)
    items = [random_value(rng, depth - 1) for _ in range(rng.randrange(5))]
    if kind == "shared":
        return [items, items, tuple(items)]
    return tuple(items) if kind == "tuple" else items


def random_dict(rng, depth):
    keys = ["a", "b", "2", "10", "__proto__", "", "é", 1, -7, 2**70, 2.5, 1e16, None, True, float("inf")]
    chosen = rng.sample(keys, rng.randrange(6))
    return {key: random_value(rng, depth - 1) for key in chosen}


def random_sessions(seed, count, protocol):
    """Sessions with all that Python has and JSON has not, as far as it needs no code."""
    rng = random.Random(seed)
    values = [random_dict(rng, 4) for _ in range(count)]
    return [{"pickle": dump(value, protocol), "json": to_json(value)} for value in values]


def changed_wrongly(before, after, key, value):
    """Pairs where `after` is anything but `before` with this entry set."""
    wrong = []
    for old, new in zip(map(load, before), map(load, after)):
        old[key] = value
        if describe(old) != describe(new):
            wrong.append((describe(old), describe(new)))
    return wrong


def texts(pickles):
    """The JSON of pickles; they must be known to need no code."""
    return [to_json(load(pickled)) for pickled in pickles]


serve(from_json, differences, random_sessions, changed_wrongly, texts)
