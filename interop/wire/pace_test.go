package wire_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// TestRateOfPostfix: Postfix that takes 20 messages in 5 seconds. Through Pace each mail of a SendAll is accepted. Without it
// those beyond the rate are Deferred because of the relay. What was accepted is stored once, and nothing else is.
func TestRateOfPostfix(t *testing.T) {
	const n = 30
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_PACED_ADDR")
	for _, paced := range []bool{false, true} {
		t.Run(fmt.Sprintf("paced: %v", paced), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			var sender transport.Transport = build(t, smtp.DangerousPlaintext(host).Port(port))
			name := "plain"
			if paced {
				name = "paced"
				var err error
				if sender, err = (policy.Pace{Next: sender}).Build(); err != nil {
					t.Fatal(err)
				}
				defer transport.Close(sender)
			}
			begin := time.Now()
			accepted := map[string]bool{}
			for sent, err := range transport.SendAll(ctx, sender, func(yield func(transport.Mail) bool) {
				for i := range n {
					text := fmt.Sprintf("From: sender@rig.test\r\nSubject: no. %d.\r\n\r\ntext\r\n", i)
					if !yield(mail(t, "sender@rig.test", text, name+"@rig.test")) {
						return
					}
				}
			}) {
				switch one := sent.Result.Recipients[0]; {
				case one.Outcome == transport.Accepted:
					accepted[fmt.Sprintf("no. %d.", sent.Index)] = true
				case paced || one.Outcome != transport.Deferred || one.Fault != transport.FaultRelay:
					t.Errorf("%d: %v, %v", sent.Index, one, err)
				}
			}
			t.Logf("%d of %d accepted in %v", len(accepted), n, time.Since(begin).Round(time.Second))
			if len(accepted) < 20 || paced && len(accepted) != n {
				t.Errorf("%d accepted", len(accepted))
			}
			for _, message := range r.Stored(t, "POSTFIX_MAIL", name, len(accepted)) {
				subject := string(message)
				_, subject, _ = strings.Cut(subject, "\nSubject: ")
				subject, _, _ = strings.Cut(subject, "\n")
				if subject = strings.TrimSpace(subject); !accepted[subject] {
					t.Errorf("%q is stored, which was not accepted, or twice", subject)
				}
				delete(accepted, subject)
			}
		})
	}
}
