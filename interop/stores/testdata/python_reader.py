# python_reader.py BOX: prints as JSON how often each subject is in an mbox file, and which mails are not whole:
# a whole one begins with "begin <subject>" and ends with "end <subject>". Half a mail of a killed program may
# stick to the end of one that is whole: that one is in "Followed".
import json, mailbox, sys

count, broken, followed = {}, [], []
for message in mailbox.mbox(sys.argv[1], create=False):
    ident = message["Subject"] or "no subject"
    count[ident] = count.get(ident, 0) + 1
    lines = message.get_payload().strip().splitlines()
    if not lines or lines[0] != "begin " + ident or "end " + ident not in lines:
        broken.append(ident)
    elif lines[-1] != "end " + ident:
        followed.append(ident)
print(json.dumps({"Count": count, "Broken": broken, "Followed": followed}))
