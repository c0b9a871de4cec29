package far_test

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/link"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// postfix is the server, by the way that leads to it.
type postfix struct {
	rig  *rig.Rig
	host string
	port int
}

// near starts Postfix.
func near(t testing.TB) postfix {
	t.Helper()
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_SMTP_ADDR")
	return postfix{r, host, port}
}

// far starts Postfix, and a link to it that ends with the test.
func far(t testing.TB) postfix {
	t.Helper()
	p := near(t)
	way, err := link.Start(p.addr(), 40*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = way.Close() })
	host, text, err := net.SplitHostPort(way.Addr())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return postfix{p.rig, host, port}
}

func (p postfix) addr() string { return net.JoinHostPort(p.host, strconv.Itoa(p.port)) }

// recipients is how many recipients this process has written to.
var recipients int

// letters makes n mails of the same kibibyte. Postfix queues them like any other, and then discards them.
// Each has a recipient of its own, because queue ids come again and do not tell mails apart.
func letters(t testing.TB, n int) []transport.Mail {
	t.Helper()
	from, err := envelope.ParseAddress("alice@rig.test")
	if err != nil {
		t.Fatal(err)
	}
	var list []transport.Mail
	for range n {
		recipients++
		to, err := envelope.ParseAddress(fmt.Sprintf("discard%d@rig.test", recipients))
		if err != nil {
			t.Fatal(err)
		}
		env, err := envelope.New(from, to)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, transport.Raw(env, octets))
	}
	return list
}

func recipient(mail transport.Mail) string { return mail.Envelope().Recipients()[0].Address.String() }

var delivered = regexp.MustCompile(`: (\w+): to=<(discard\d+@rig\.test)>, .*status=sent`)

// verify waits until Postfix has delivered mails, half a minute at most, and compares what it logged with
// the queue ids that their sender was told: each mail was taken once, and under the id that the reply named.
// Where a sender does not tell, as net/smtp, told is nil.
func (p postfix) verify(t testing.TB, mails []transport.Mail, told []string) {
	t.Helper()
	want := map[string][]string{}
	for i, mail := range mails {
		want[recipient(mail)] = nil
		if told != nil {
			want[recipient(mail)] = []string{told[i]}
		}
	}
	var got map[string][]string
	for deadline := time.Now().Add(30 * time.Second); len(got) < len(want) && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		log, err := os.ReadFile(p.rig.Get(t, "POSTFIX_LOG"))
		if err != nil {
			t.Fatal(err)
		}
		got = map[string][]string{}
		for _, m := range delivered.FindAllStringSubmatch(string(log), -1) {
			if _, ours := want[m[2]]; ours {
				got[m[2]] = append(got[m[2]], m[1])
			}
		}
	}
	for to, ids := range got {
		if told == nil && len(ids) == 1 {
			want[to] = ids
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("queue ids by recipient, as told and as Postfix logged them:\n%.2000s", diff)
	}
}
