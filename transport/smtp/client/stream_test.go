package client_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// flightConn counts the writes that follow a read: round trips as the client makes them.
type flightConn struct {
	net.Conn
	heard   bool
	flights int
}

func (c *flightConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	synctest.Wait()
	c.heard = true
	return n, err
}

func (c *flightConn) Write(p []byte) (int, error) {
	if c.heard {
		c.heard = false
		c.flights++
	}
	return c.Conn.Write(p)
}

// stream sends n mails and returns the fates in the order of the verdicts, and the flights.
func stream(t *testing.T, o *oracle, cfg client.Config, window, n int) (fates []string, flights int, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go o.serve(far)
		nc := &flightConn{Conn: near}
		cfg.TLS = client.TLSNone
		conn, openErr := client.New(t.Context(), nc, cfg)
		if openErr != nil {
			t.Fatal(openErr)
		}
		before := nc.flights
		var feed list
		for i := range n {
			mail := newMail(t, fmt.Sprintf("from s%d@x.org\nto r%d@x.org\n\nSubject: %d\n\ntext\n", i, i, i))
			feed.jobs = append(feed.jobs, &client.BulkJob{Mail: mail, Index: i})
		}
		err = conn.Stream(t.Context(), client.Window{Messages: window}, &feed, func(j *client.BulkJob) {
			v := j.Result.Recipients[0]
			fates = append(fates, strings.TrimSpace(fmt.Sprintf("%d %v %d", j.Index, v.Outcome, v.Response.Code)))
		})
		flights = nc.flights - before
		_ = conn.Close()
	})
	return fates, flights, err
}

var (
	pipelining = []string{"PIPELINING"}
	chunking   = []string{"PIPELINING", "CHUNKING"}
	trusted    = client.Config{Chunking: client.ChunkingTrusted}
)

// TestStreamFlights counts round trips: one per mail in the DATA form and one in front, and few per
// window in the BDAT form.
func TestStreamFlights(t *testing.T) {
	cases := map[string]struct {
		keywords []string
		cfg      client.Config
		window   int
		most     int // flights for 64 mails
	}{
		"lockstep":       {nil, client.Config{}, 1, 4 * 64},
		"DATA":           {pipelining, client.Config{}, 1, 64 + 1},
		"BDAT":           {chunking, trusted, 1, 64},
		"window of 8":    {chunking, trusted, 8, 3 + 64/8},
		"window of 64":   {chunking, trusted, 64, 7},
		"probe, then 16": {chunking, client.Config{}, 16, 3 + 4 + 64/16},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fates, flights, err := stream(t, &oracle{keywords: tc.keywords}, tc.cfg, tc.window, 64)
			if err != nil || len(fates) != 64 {
				t.Fatalf("%d fates, %v", len(fates), err)
			}
			if flights > tc.most {
				t.Errorf("%d flights, at most %d", flights, tc.most)
			}
		})
	}
}

// TestStreamRemembersItsWindow: a connection that took a window before takes it at once.
func TestStreamRemembersItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go (&oracle{keywords: chunking}).serve(far)
		nc := &flightConn{Conn: near}
		conn, openErr := client.New(t.Context(), nc, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
		if openErr != nil {
			t.Fatal(openErr)
		}
		mail := newMail(t, "from s@x.org\nto r@x.org\n\nSubject: x\n\ntext\n")
		for i, round := range []struct{ window, most int }{{32, 6}, {32, 1}, {8, 4}, {64, 4}} {
			before := nc.flights
			var feed list
			for range 32 {
				feed.jobs = append(feed.jobs, &client.BulkJob{Mail: mail})
			}
			taken := 0
			err := conn.Stream(t.Context(), client.Window{Messages: round.window}, &feed, func(*client.BulkJob) { taken++ })
			if err != nil || taken != 32 {
				t.Fatalf("round %d: %d mails, %v", i, taken, err)
			}
			if n := nc.flights - before; n > round.most {
				t.Errorf("round %d: %d flights, at most %d", i, n, round.most)
			}
		}
		_ = conn.Close()
	})
}

func accepted(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf("%d accepted 250", i))
	}
	return list
}

// TestStreamRefusals checks what a server that begins to refuse does to the mails that are on their
// way already.
func TestStreamRefusals(t *testing.T) {
	cases := map[string]struct {
		at    string // the command that is refused
		reply string
		want  []string // from mail 7 on
		fails bool
	}{
		"421 to MAIL and the end":   {"MAIL FROM:<s7@x.org>", "421 4.3.2 enough", []string{"7 deferred 421", "8 not sent 0", "9 not sent 0"}, true},
		"450 to MAIL, going on":     {"MAIL FROM:<s7@x.org>", "450 4.7.1 too much", []string{"7 deferred 450"}, true},
		"550 to MAIL is the mail's": {"MAIL FROM:<s7@x.org>", "550 5.1.8 who", []string{"7 rejected 550"}, false},
		"550 to RCPT is the mail's": {"RCPT TO:<r7@x.org>", "550 5.1.1 no", []string{"7 rejected 550"}, false},
		"421 to RCPT and the end":   {"RCPT TO:<r7@x.org>", "421 4.3.2 enough", []string{"7 deferred 421", "8 not sent 0", "9 not sent 0"}, true},
	}
	for name, tc := range cases {
		for _, form := range []struct {
			name     string
			keywords []string
			window   int
		}{{"DATA", pipelining, 1}, {"BDAT", chunking, 1}, {"window", chunking, 8}} {
			t.Run(name+" "+form.name, func(t *testing.T) {
				o := &oracle{keywords: form.keywords, refuse: func(line string) string {
					if line == tc.at {
						return tc.reply
					}
					return ""
				}}
				fates, _, err := stream(t, o, trusted, form.window, 10)
				if (err != nil) != tc.fails {
					t.Errorf("Stream: %v", err)
				}
				// How many were on their way after mail 7 depends on the form; each of them must be
				// accounted for as the server counted it.
				if len(fates) > 10 {
					t.Fatalf("fates %q", fates)
				}
				if diff := cmp.Diff(accepted(0, 7), fates[:7]); diff != "" {
					t.Error(diff)
				}
				for i, fate := range fates[7:] {
					want := fmt.Sprintf("%d accepted 250", 7+i)
					if i < len(tc.want) {
						want = tc.want[i]
					}
					if fate != want {
						t.Errorf("got %q, want %q", fate, want)
					}
				}
				taken := 0
				for _, fate := range fates {
					if strings.HasSuffix(fate, "accepted 250") {
						taken++
					}
				}
				if taken != len(o.taken) {
					t.Errorf("%d accepted, %d taken by the server", taken, len(o.taken))
				}
			})
		}
	}
}

// TestStreamResetRefused: a server that refuses RSET has had enough of the connection; what it was
// sent after it was not done.
func TestStreamResetRefused(t *testing.T) {
	resets := 0
	o := &oracle{keywords: chunking, refuse: func(line string) string {
		if line == "RSET" {
			resets++
			if resets == 3 {
				return "421 too many" // the oracle closes
			}
		}
		return ""
	}}
	fates, _, err := stream(t, o, trusted, 8, 10)
	if err == nil {
		t.Error("the connection counts as good")
	}
	for i, fate := range fates {
		if i < len(o.taken) != strings.Contains(fate, "accepted") || strings.Contains(fate, "unknown") {
			t.Errorf("%q, and %d were taken", fate, len(o.taken))
		}
	}
}

// TestStreamKeepsSendersApart: a refused mail must not lend its sender to the next one.
func TestStreamKeepsSendersApart(t *testing.T) {
	o := &oracle{keywords: chunking, refuse: func(line string) string {
		if strings.HasPrefix(line, "RCPT TO:<r") && strings.HasSuffix(line, "3@x.org>") {
			return "550 5.1.1 no"
		}
		return ""
	}}
	fates, _, err := stream(t, o, trusted, 16, 40)
	if err != nil || len(fates) != 40 || len(o.taken) != 36 {
		t.Errorf("%d fates, %d taken, %v", len(fates), len(o.taken), err)
	}
	for _, d := range o.taken {
		if strings.TrimPrefix(d.from, "s") != strings.TrimPrefix(d.to, "r") {
			t.Errorf("%s received the mail of %s", d.to, d.from)
		}
	}
}

// TestResetRefusedWithMailAfterIt: when RSET is refused and the server goes on, what it takes after it is
// in doubt, and what it refuses is not judged.
func TestResetRefusedWithMailAfterIt(t *testing.T) {
	for name, keywords := range map[string][]string{"DATA": pipelining, "BDAT": chunking, "lockstep": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &oracle{keywords: keywords, refuse: func(line string) string {
					if line == "RSET" {
						return "500 what"
					}
					return ""
				}}
				conn := open(t, o, trusted)
				defer conn.Close()
				_ = conn.Send(t.Context(), newMail(t, "from s0@x.org\nto bad@x.org\n\ntext\n")) // refused, and MAIL stands
				receipt := conn.Send(t.Context(), newMail(t, "from s1@x.org\nto b@x.org\n\ntext\n"))
				_ = conn.Close()
				want := client.NotSent
				if len(o.taken) > 0 {
					want = client.Unknown
				}
				if got := receipt.Recipients[0].Outcome; got != want || conn.Err() == nil {
					t.Errorf("%v, want %v; taken %v; %v", got, want, o.taken, receipt.Err)
				}
			})
		})
	}
}

// TestLMTPVerdictMissing: in LMTP a server that says a verdict too few does not make the reply to a later command
// the verdict on a recipient: the next mail waits for the verdicts on the one before it.
func TestLMTPVerdictMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() { // one verdict, whatever the number of recipients
			defer far.Close()
			r, content := bufio.NewReader(far), false
			fmt.Fprint(far, "220 mx\r\n")
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				switch {
				case content && line != ".\r\n":
					continue
				case strings.HasPrefix(line, "LHLO"):
					fmt.Fprint(far, "250-mx\r\n250 PIPELINING\r\n")
					continue
				case line == "DATA\r\n":
					content = true
					fmt.Fprint(far, "354 go\r\n")
					continue
				}
				content = false
				fmt.Fprint(far, "250 ok\r\n")
			}
		}()
		conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, LMTP: true})
		if err != nil {
			t.Fatal(err)
		}
		feed := &list{}
		for i := range 2 {
			feed.jobs = append(feed.jobs, &client.BulkJob{Mail: newMail(t, "from s@x.org\nto a@x.org b@x.org\n\nx\n"), Index: i})
		}
		got := map[int][]client.RecipientResult{}
		_ = conn.Stream(t.Context(), client.Window{}, feed, func(j *client.BulkJob) { got[j.Index] = j.Result.Recipients }) // the results tell
		_ = conn.Close()
		if first := got[0]; first[0].Outcome != client.Accepted || first[1].Outcome != client.Unknown {
			t.Errorf("got %v", first)
		}
	})
}
