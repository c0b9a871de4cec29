# python_writer.py BOX PREFIX N [rewrite]: appends N mails to an mbox file and prints the id of each that is stored.
# With "rewrite" it removes every tenth mail once more and prints "-id": that makes a new file under the old name.
import mailbox, sys, time

box, prefix, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
rewrite = len(sys.argv) > 4


def locked():
    while True:
        mb = mailbox.mbox(box, create=False)
        try:
            mb.lock()
        except mailbox.ExternalClashError:
            mb.close()
            time.sleep(0.005)
            continue
        return mb


for i in range(n):
    ident = "%s-%d" % (prefix, i)
    mb = locked()
    mb.add("From: a@rig.test\nSubject: %s\n\nbegin %s\n%send %s\n" % (ident, ident, "text\n" * (i % 50), ident))
    mb.flush()
    mb.unlock()
    mb.close()
    print(ident, flush=True)
    if rewrite and i % 10 == 9:
        mb = locked()
        for key, message in mb.items():
            if message["Subject"] == ident:
                mb.remove(key)
        mb.flush()
        mb.unlock()
        mb.close()
        print("-" + ident, flush=True)
