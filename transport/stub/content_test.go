package stub_test

import (
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// boastful is a mail that says of itself that it is longer than it is.
type boastful struct{ transport.Mail }

func (boastful) BodyInfo() (transport.BodyInfo, bool) { return transport.BodyInfo{Size: 1 << 20}, true }

// TestContentIsWhatWasPlanned: a mail that is shorter than it says is not sent, as a relay would not get it.
func TestContentIsWhatWasPlanned(t *testing.T) {
	a, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(a, a)
	if err != nil {
		t.Fatal(err)
	}
	result, err := stub.New().Send(t.Context(), boastful{transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n"))})
	if err == nil || result.Recipients[0].Outcome != transport.NotSent {
		t.Errorf("%v, %v", result.Recipients, err)
	}
}
