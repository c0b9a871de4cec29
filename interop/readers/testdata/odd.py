"""Reads odd mails with Python's email package and prints what it found, one JSON object a line."""
import email
import email.policy
import email.utils
import json
import sys


def attempt(read, default):
    try:
        return read()
    except Exception:  # what a reader can't read it has not read
        return default


def addresses(message):
    out = []
    for name in ("To", "Cc", "Bcc"):
        for field in message.get_all(name, []):
            out += [a.addr_spec for a in field.addresses if a.addr_spec]
    return list(dict.fromkeys(out))


def text(message, kind):
    part = message.get_body((kind,))
    return "" if part is None else part.get_content().replace("\r\n", "\n")


def files(message):
    out = []
    for part in message.iter_attachments():
        data = part.get_payload(decode=True)
        out.append({"name": part.get_filename() or "", "type": part.get_content_type(), "body": (data or b"").hex()})
    return out


def date(message):
    when = message["Date"].datetime
    return "" if when is None else when.astimezone(email.utils.datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


for path in sys.argv[1:]:
    with open(path, "rb") as f:
        message = email.message_from_binary_file(f, policy=email.policy.default)
    print(json.dumps({
        "subject": attempt(lambda: str(message["Subject"] or ""), "?"),
        "to": attempt(lambda: " ".join(addresses(message)), "?"),
        "text": attempt(lambda: text(message, "plain"), "?"),
        "html": attempt(lambda: text(message, "html"), "?"),
        "files": attempt(lambda: files(message), [{"name": "?"}]),
        "date": attempt(lambda: date(message) if message["Date"] else "", ""),
        "ids": attempt(lambda: " ".join([str(message["Message-ID"] or "").strip()] + str(message["References"] or message["In-Reply-To"] or "").split()).strip(), "?"),
    }, ensure_ascii=True))
