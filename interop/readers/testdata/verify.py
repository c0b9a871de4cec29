"""Checks DKIM signatures with dkimpy. The first argument is a JSON file of DNS records, the others are messages.
Prints, for each message, a JSON list with true or false for each signature, from the top."""
import json
import sys

import dkim

with open(sys.argv[1], "rb") as f:
    records = {name + ".": text.encode() for name, text in json.load(f).items()}


def dns(name, timeout=5):
    if isinstance(name, bytes):
        name = name.decode()
    return records.get(name)


for path in sys.argv[2:]:
    with open(path, "rb") as f:
        message = f.read()
    results = []
    count = sum(1 for name, _ in dkim.DKIM(message).headers if name.lower() == b"dkim-signature")
    for i in range(count):
        try:
            results.append(dkim.DKIM(message).verify(idx=i, dnsfunc=dns))
        except dkim.DKIMException as e:
            print(path, i, e, file=sys.stderr)
            results.append(False)
    print(json.dumps(results))
