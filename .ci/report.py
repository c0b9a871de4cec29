"""Reads the events of `go test -json`: prints what failed or was skipped, and a summary line.

The exit status is 1 if a test failed, was skipped without leave, or if there was none.
"""

import argparse
import collections
import json
import sys

parser = argparse.ArgumentParser()
parser.add_argument("events", nargs="+")
parser.add_argument("--may-skip", default="", type=lambda names: set(names.split()))
arguments = parser.parse_args()

output, ended = collections.defaultdict(list), {}
for name in arguments.events:
    for line in open(name, encoding="utf-8"):
        try:
            event = json.loads(line)
        except ValueError:
            print(line, end="")  # what go says besides
            continue
        key = (event.get("Package") or event.get("ImportPath", ""), event.get("Test", ""))
        if event["Action"] in ("output", "build-output"):
            output[key].append(event["Output"])
        elif event["Action"] in ("pass", "fail", "skip", "build-fail"):
            ended[key] = event["Action"]

# A package without test files "skips" as a whole, which is no skipped test.
skipped = [k for k, action in ended.items() if action == "skip" and k[1] and "/".join(k) not in arguments.may_skip]
failed = [k for k, action in ended.items() if action in ("fail", "build-fail")]
for key in output:
    if key[1] and key not in ended:  # a panic or the time limit ended all of them
        ended[key] = "unfinished"
        failed.append(key)
for key in failed + skipped:
    print("--- %s %s" % (ended[key], " ".join(key)))
    print("".join(output[key]), end="")
count = collections.Counter(action for key, action in ended.items() if key[1])
packages = sum(1 for key, action in ended.items() if not key[1] and action == "pass")
print("%d tests passed in %d packages, %d failed, %d skipped" % (count["pass"], packages, count["fail"], count["skip"]))
sys.exit(1 if failed or skipped or not count["pass"] else 0)
