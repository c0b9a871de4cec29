package diagnose_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestExtensionsThatDoNotWork: the check sends two commands in one flight, and a BDAT that must be refused, and
// reports which of the offered extensions the server does not have. It is usable all the same.
func TestExtensionsThatDoNotWork(t *testing.T) {
	const (
		hello  = "S: 220 mx\nC: EHLO client.example\nS: 250-mx\n"
		both   = hello + "S: 250-PIPELINING\nS: 250 CHUNKING\nC: NOOP\nS: 250 ok\n"
		flight = "C: RSET\nC: NOOP\nC: BDAT 6 LAST\nC: DATA\nC: RSET\n"
		bye    = "C: QUIT\nS: 221 bye\n"
	)
	for name, tc := range map[string]struct {
		dialogue string
		limits   client.Timeouts
		want     []diagnose.HintKind
	}{
		"both work": {
			dialogue: both + flight + "S: 250 ok\nS: 250 ok\nS: 503 5.5.1 no mail\nS: 250 ok\n" + bye,
		},
		"a refused chunk is run as a command": {
			dialogue: both + flight + "S: 250 ok\nS: 250 ok\nS: 503 5.5.1 no mail\nS: 503 5.5.1 no mail\nS: 250 ok\n" + bye,
			want:     []diagnose.HintKind{diagnose.HintChunking},
		},
		"BDAT is not known": {
			dialogue: both + flight + "S: 250 ok\nS: 250 ok\nS: 502 5.5.1 what\nS: 250 ok\n" + bye,
			want:     []diagnose.HintKind{diagnose.HintChunking},
		},
		"BDAT is not known, and run as a command": {
			dialogue: both + flight + "S: 250 ok\nS: 250 ok\nS: 500 5.5.2 what\nS: 503 5.5.1 no mail\nS: 250 ok\n" + bye,
			want:     []diagnose.HintKind{diagnose.HintChunking},
		},
		"the first command of a flight is not understood": {
			dialogue: both + flight + "S: 503 5.5.1 one at a time\nS: 250 ok\nS: 503 5.5.1 no mail\nS: 250 ok\n" + bye,
			want:     []diagnose.HintKind{diagnose.HintPipelining},
		},
		"only the first command of a flight is answered": {
			dialogue: both + flight + "S: 250 ok\n* silence\n",
			limits:   quick,
			want:     []diagnose.HintKind{diagnose.HintPipelining},
		},
		"neither works": {
			dialogue: both + flight + "S: 503 5.5.1 one at a time\nS: 250 ok\nS: 502 5.5.1 what\nS: 250 ok\n" + bye,
			want:     []diagnose.HintKind{diagnose.HintPipelining, diagnose.HintChunking},
		},
		"a server that ends the session there has shown nothing": {
			dialogue: both + flight + "S: 250 ok\nS: 250 ok\n* close\n",
		},
		"PIPELINING alone": {
			dialogue: hello + "S: 250 PIPELINING\nC: NOOP\nS: 250 ok\nC: RSET\nC: NOOP\nS: 250 ok\nS: 250 ok\n" + bye,
		},
		"without PIPELINING nothing is sent together": {
			dialogue: hello + "S: 250 CHUNKING\nC: NOOP\nS: 250 ok\n" + bye,
			want:     []diagnose.HintKind{diagnose.HintSlow},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security, srv.Config.Dialogue = smtptest.Plaintext, tc.dialogue
			srv.Start()
			report, err := diagnose.Run(t.Context(), openly(relay(srv), srv).HelloName("client.example").Timeouts(tc.limits))
			if err != nil {
				t.Fatal(err)
			}
			var got []diagnose.HintKind
			for _, h := range report.Hints {
				got = append(got, h.Kind)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("hints (-want +got):\n%s\n%s", diff, report)
			}
			if report.Err != nil || !strings.Contains(report.String(), "result       ready\n") {
				t.Errorf("%v", report)
			}
			for _, v := range srv.Violations() {
				t.Errorf("the client did otherwise: %v", v)
			}
		})
	}
}
