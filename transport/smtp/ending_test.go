package smtp_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const endingWindow = 16

// endings counts the mails that it is told of in each call, and what the server has by then.
type endings struct {
	server *smtptest.Server
	fail   func(calls int) error

	mu      sync.Mutex
	calls   []int
	tokens  map[any]bool
	most    int  // that were told of and had not arrived
	twice   bool // this was told of a mail again
	tooLate bool // the server had the mail when this was told of it
}

func (e *endings) Ending(tokens []any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		if err := e.fail(len(e.calls)); err != nil {
			return err
		}
	}
	e.calls = append(e.calls, len(tokens))
	for _, token := range tokens {
		e.twice = e.twice || e.tokens[token]
		e.tokens[token] = true
	}
	arrived := e.server.Messages()
	e.most = max(e.most, len(e.tokens)-len(arrived))
	for _, m := range arrived {
		for _, to := range m.Addresses() {
			for _, token := range tokens {
				e.tooLate = e.tooLate || to == token
			}
		}
	}
	return nil
}

// sendEnding sends n mails whose endings go to e, over one connection, and returns how each ended.
func sendEnding(t *testing.T, e *endings, n int, content []byte, extensions ...string) map[int]error {
	t.Helper()
	e.tokens = map[any]bool{}
	e.server = smtptest.NewUnstartedServer(t)
	if len(extensions) > 0 {
		e.server.Config.Extensions = extensions
	}
	e.server.Start()
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(e.server.Port()).BulkWindow(endingWindow).Pool(smtp.Pool{MaxOpen: 1}).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		t.Fatal(err)
	}
	var mails []transport.Mail
	for i := range n {
		to, err := envelope.ParseAddress(fmt.Sprintf("u%d@example.org", i))
		if err != nil {
			t.Fatal(err)
		}
		env, err := envelope.New(from, to)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, transport.WithEnding(transport.Raw(env, content), e, to.String()))
	}
	ends := map[int]error{}
	for sent, err := range transport.SendAll(t.Context(), relay, func(yield func(transport.Mail) bool) {
		for _, m := range mails {
			if !yield(m) {
				return
			}
		}
	}) {
		ends[sent.Index] = err
		var failed *transport.SendError
		if errors.As(err, &failed) && !failed.SafeToRetry() {
			t.Errorf("mail %d: %v", sent.Index, err)
		}
	}
	return ends
}

var endingForms = map[string][]string{
	"chunks":   nil,
	"data":     {"PIPELINING", "8BITMIME", "SIZE 1000000"},
	"lockstep": {"8BITMIME"},
}

// TestEndings: every mail is told of before the server has it, and the mails of a flight together.
func TestEndings(t *testing.T) {
	const n = 200
	counts := map[string]int{"small": n, "four in a flight": n, "large": 5}
	contents := map[string][]byte{
		"small":            []byte("Subject: x\r\n\r\nx\r\n"),
		"four in a flight": sized(15 << 10),
		"large":            sized(200 << 10),
	}
	for form, extensions := range endingForms {
		for size, content := range contents {
			t.Run(form+" "+size, func(t *testing.T) {
				e := new(endings)
				for i, err := range sendEnding(t, e, counts[size], content, extensions...) {
					if err != nil {
						t.Errorf("mail %d: %v", i, err)
					}
				}
				if got := len(e.server.Messages()); len(e.tokens) != got || got != counts[size] || e.tooLate || e.twice {
					t.Errorf("told of %d mails, %d arrived, too late: %t, twice: %t", len(e.tokens), got, e.tooLate, e.twice)
				}
				if form == "chunks" && size != "large" && (len(e.calls) > n/4 || slices.Max(e.calls) <= 5) {
					t.Errorf("calls with %v mails", e.calls)
				}
				if e.most > endingWindow {
					t.Errorf("%d mails were in doubt", e.most)
				}
			})
		}
	}
}

// sized is a message with a text of some length.
func sized(n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'x'
		if i%70 == 69 {
			text[i] = '\n'
		}
	}
	return append([]byte("Subject: x\r\n\r\n"), transport.NormalizeNewlines(text)...)
}

// TestEndingFails: of the mails of a flight that cannot be told of none is sent, with that cause, and no mail is told
// of twice after it was sent.
func TestEndingFails(t *testing.T) {
	full := errors.New("disk full")
	for name, extensions := range endingForms {
		for _, size := range []int{1, 15 << 10} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				e := &endings{fail: func(calls int) error {
					if calls == 7 {
						return full
					}
					return nil
				}}
				refused, arrived := 0, 0
				for _, err := range sendEnding(t, e, 100, sized(size), extensions...) {
					switch {
					case err == nil:
						arrived++
					case errors.Is(err, full) && errors.Is(err, client.ErrEnding) && !errors.Is(err, transport.ErrConnectionLost):
						refused++
					default:
						t.Error(err)
					}
				}
				if got := len(e.server.Messages()); got != arrived || refused == 0 || arrived+refused != 100 {
					t.Errorf("%d arrived of %d that were accepted, %d refused", got, arrived, refused)
				}
			})
		}
	}
}
