package message

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// TestReset: a draft that was built has nothing of its message for the next one, whether its steps were usual or not, and whether
// it could be built.
func TestReset(t *testing.T) {
	usual := func() Builder {
		return New().From("A <a@example.org>").To("b@example.net").Subject("s").Text("t").HTML("<p>h</p>").Calendar("x", "y").Alternative(Plain("z"))
	}
	for name, b := range map[string]Builder{
		"usual":     New().From("A <a@example.org>").To("b@example.net").Subject("s").Text("t").HTML("<p>h</p>"),
		"faults":    usual(),
		"no author": New().To("b@example.net"),
		"copies":    usual().Cc("c@example.net").Bcc("d@example.net").ReplyTo("e@example.net").Sender("f@example.net"),
		"fields":    usual().Header("X-A", "b").InReplyToID("<a@b>").References("<c@d>").MessageID("<e@f>").MessageIDDomain("g.example"),
		"envelope":  usual().BounceTo("<>").EnvelopeOptions(envelope.Options{RequireTLS: true}).KeepBcc().EightBit().Internationalized().UncheckedInline(),
		"time":      usual().Date(time.Now()).Clock(time.Now).Random(nil),
		"parts":     usual().Attach(FileBytes("a", nil)).Inline("i", FileBytes("b", nil)),
		"whole":     New().From("a@example.org").To("b@example.net").Body(Plain("x")),
		"segments":  New().From("a@example.org").To("b@example.net").Text(strings.Repeat("long\n", 100)).HTML(strings.Repeat("long\n", 100)),
		"a clone":   usual().Cc("c@example.net").Clone(),
	} {
		d := b.draft
		_, _ = b.Build()
		if !reflect.ValueOf(d.given).IsZero() || !reflect.ValueOf(d.room).IsZero() || !reflect.ValueOf(d.body).IsZero() || !reflect.ValueOf(d.prepared).IsZero() {
			t.Errorf("%s: %+v, %+v", name, d.given, d.room)
		}
		if r := d.renderer; r.Dst != nil || r.segments != nil || r.random != nil || r.boundaries != nil {
			t.Errorf("%s: the renderer has %+v", name, r)
		}
		if !reflect.ValueOf(d.pieces).IsZero() || !reflect.ValueOf(d.around).IsZero() || d.tree != nil {
			t.Errorf("%s: %+v, %q, %v", name, d.pieces, d.around, d.tree)
		}
	}
}
