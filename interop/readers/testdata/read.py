"""Reads messages with Python's email package and prints what it found, one JSON object a line."""
import email
import email.policy
import json
import sys


def addresses(message, name):
    out = []
    for field in message.get_all(name, []):
        for a in field.addresses:
            out.append([a.display_name, a.addr_spec])
    return out


def defects(message):
    found = [type(d).__name__ for d in message.defects]
    for value in message.values():
        found += [type(d).__name__ for d in value.defects]
    return found


def leaf(part, record):
    record["defects"] += defects(part)
    if part.is_multipart() and part.get_content_type() != "message/rfc822":
        for child in part.iter_parts():
            leaf(child, record)
        return
    kind = part.get_content_type()
    disposition = part.get_content_disposition() or ""
    if kind == "message/rfc822":
        body = part.get_payload(0).as_bytes(policy=email.policy.SMTP)
    else:
        body = part.get_payload(decode=True)
    if disposition == "" and kind.startswith("text/"):
        body = body.decode(part.get_content_charset())
        record["texts"].append([kind, body.replace("\r\n", "\n")])
        return
    record["files"].append({
        "name": part.get_filename() or "", "type": kind, "disposition": disposition,
        "id": (part["Content-ID"] or "").strip("<>"), "body": body.hex(),
    })


for path in sys.argv[1:]:
    with open(path, "rb") as f:
        message = email.message_from_binary_file(f, policy=email.policy.default)
    record = {"defects": [], "texts": [], "files": [], "subject": message["Subject"] or ""}
    for name in ("From", "To", "Cc", "Reply-To"):
        record[name] = addresses(message, name)
    leaf(message, record)
    print(json.dumps(record))
