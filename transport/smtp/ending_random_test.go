package smtp_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// diary is told of endings by one side and of arrivals and results by the other, and notes what must not be.
type diary struct {
	mu      sync.Mutex
	told    map[string]int
	arrived map[string]int
	over    map[string]bool
	wrong   []string
}

func (d *diary) note(format string, args ...any) {
	d.wrong = append(d.wrong, fmt.Sprintf(format, args...))
}

func (d *diary) Ending(tokens []any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, token := range tokens {
		name, _ := token.(string)
		if d.told[name]++; d.over[name] {
			d.note("told of %s after its result", name)
		}
	}
	return nil
}

func (d *diary) receive(m smtptest.Message) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range m.Recipients {
		if d.arrived[r.Address]++; d.told[r.Address] == 0 {
			d.note("%s arrived untold", r.Address)
		}
	}
	return nil
}

func (d *diary) end(name string, outcome transport.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.arrived[name]
	switch {
	case d.over[name]:
		d.note("%s ended twice", name)
	case n > 1, n == 1 && outcome != transport.Accepted && outcome != transport.Unknown, n == 0 && outcome == transport.Accepted:
		d.note("%s is %v and arrived %d times", name, outcome, n)
	}
	d.over[name] = true
}

// unreadable is content that ends before it should.
type unreadable struct{ transport.Mail }

func (u unreadable) Size() int64 { return 1 << 20 }

func (u unreadable) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "Subject: x\r\n\r\n")
	return int64(n), errors.Join(err, errors.New("the source failed"))
}

// hangUps is a server that now and then refuses, closes, or takes a mail and says nothing of it.
func hangUps(random *rand.Rand) smtptest.Hook {
	var mu sync.Mutex
	return func(e smtptest.Event) smtptest.Action {
		mu.Lock()
		dice := random.IntN(150)
		mu.Unlock()
		switch {
		case dice == 0 && e.At == smtptest.End:
			return smtptest.Accept().Then(smtptest.Close())
		case dice == 1 && (e.At == smtptest.End || e.At == smtptest.Mail || e.At == smtptest.Rcpt):
			return smtptest.Close()
		case dice < 8 && e.At == smtptest.Rcpt:
			return smtptest.Reply("550 5.1.1 unknown")
		case dice < 6 && e.At == smtptest.End:
			return smtptest.Reply("554 5.7.1 no")
		case dice < 4 && e.At == smtptest.Mail:
			return smtptest.Reply("451 4.3.0 later")
		}
		return smtptest.Action{}
	}
}

// TestEndingsOverBadServers: whatever a server does, no mail arrives that was not told of, none is told of after its result, and each
// result is true. Mails of all sizes take turns, so that flights, windows and single writes meet.
func TestEndingsOverBadServers(t *testing.T) {
	const worlds, mails = 40, 120
	for world := range worlds {
		t.Run(fmt.Sprint(world), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(world)))
			d := &diary{told: map[string]int{}, arrived: map[string]int{}, over: map[string]bool{}}
			server := smtptest.NewUnstartedServer(t)
			server.Config.Receive, server.Config.Hooks = d.receive, []smtptest.Hook{hangUps(rand.New(rand.NewPCG(2, uint64(world))))}
			if world%4 == 3 {
				server.Config.Extensions = endingForms["data"]
			}
			server.Start()
			builder := smtp.DangerousPlaintext("127.0.0.1").Port(server.Port()).BulkWindow(1 + random.IntN(64)).Pool(smtp.Pool{MaxOpen: 1 + world%2})
			if world%3 == 0 {
				builder = builder.ResendUnsent()
			}
			relay, err := builder.Build()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = relay.Close() }()
			from, err := envelope.ParseAddress("from@example.org")
			if err != nil {
				t.Fatal(err)
			}
			for sent := range transport.SendAll(t.Context(), relay, func(yield func(transport.Mail) bool) {
				for i := range mails {
					name := fmt.Sprintf("u%d@example.org", i)
					to, err := envelope.ParseAddress(name)
					if err != nil {
						t.Error(err)
						return
					}
					env, err := envelope.New(from, to)
					if err != nil {
						t.Error(err)
						return
					}
					mail := transport.Raw(env, sized(random.IntN([]int{100, 20 << 10, 90 << 10}[random.IntN(3)])))
					if random.IntN(40) == 0 {
						mail = unreadable{mail}
					}
					if !yield(transport.WithEnding(mail, d, name)) {
						return
					}
				}
			}) {
				d.end(fmt.Sprintf("u%d@example.org", sent.Index), sent.Result.Recipients[0].Outcome)
			}
			if len(d.over) != mails || len(d.wrong) > 0 {
				t.Errorf("%d results, %d arrived; wrong: %.300q", len(d.over), len(d.arrived), d.wrong)
			}
		})
	}
}
