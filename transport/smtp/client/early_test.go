package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// late is a mail that is looked at when something has happened. It knows nothing of itself, so it is read to
// be planned.
type late struct {
	mail   *rawMail
	before func()
}

func (m late) Envelope() envelope.Envelope { return m.mail.Envelope() }

func (m late) WriteTo(w io.Writer) (int64, error) {
	m.before()
	return m.mail.WriteTo(w)
}

// refuser is a server that refuses the content that is larger than 64 KiB, while the client has begun with the
// next mail, and swallows it.
type refuser struct {
	chunking bool
	begun    chan struct{} // closed when the client looks at the next mail
}

func (s *refuser) serve(nc net.Conn) {
	r := bufio.NewReader(nc)
	say := func(reply string) { fmt.Fprintf(nc, "%s\r\n", reply) }
	say("220 refuser")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); {
		case verb == "EHLO" && s.chunking:
			say("250-refuser\r\n250-PIPELINING\r\n250 CHUNKING")
		case verb == "EHLO":
			say("250-refuser\r\n250 PIPELINING")
		case verb == "DATA":
			say("354 go")
			go s.refuse(say)
			for line != ".\r\n" && err == nil {
				line, err = r.ReadString('\n')
			}
		case verb == "BDAT":
			size, _ := strconv.Atoi(strings.TrimSuffix(rest, " LAST"))
			if size > 64<<10 {
				go s.refuse(say)
			}
			_, _ = io.CopyN(io.Discard, r, int64(size))
			if size <= 64<<10 {
				say("250 taken")
			}
		default:
			say("250 ok")
		}
	}
}

func (s *refuser) refuse(say func(string)) {
	<-s.begun
	say("552 5.3.4 too big")
}

// TestEarlyRefusalInAStream: a refusal that comes when nearly all of a content has left is the verdict on that
// mail, also when the next one is being prepared.
func TestEarlyRefusalInAStream(t *testing.T) {
	const head = "from s@x.org\nto r@x.org\n\nSubject: x\n\n"
	for name, tc := range map[string]struct {
		chunking bool
		next     int // octets
		reading  int // at which reading of the next mail the refusal comes: the first one is to plan it
	}{
		"DATA":                     {false, 1000, 1},
		"BDAT":                     {true, 1000, 1},
		"BDAT, the next queued":    {true, 1000, 2},
		"BDAT, the next large":     {true, 70 << 10, 1},
		"BDAT, the next under way": {true, 70 << 10, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				server := &refuser{chunking: tc.chunking, begun: make(chan struct{})}
				go server.serve(far)
				conn, openErr := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
				if openErr != nil {
					t.Fatal(openErr)
				}
				readings := 0
				next := late{newMail(t, head+strings.Repeat("y\n", tc.next/3)), func() {
					if readings++; readings == tc.reading {
						close(server.begun)
						synctest.Wait()
					}
				}}
				feed := &list{jobs: []*client.BulkJob{{Mail: newMail(t, head+strings.Repeat("x\n", 50<<10))}, {Mail: next, Index: 1}}}
				if tc.chunking { // the window has opened
					feed.jobs = append([]*client.BulkJob{{Mail: newMail(t, head+"x\n"), Index: 2}}, feed.jobs...)
				}
				got := map[int]string{}
				_ = conn.Stream(t.Context(), client.Window{Messages: 8}, feed, func(j *client.BulkJob) {
					v := j.Result.Recipients[0]
					got[j.Index] = strings.TrimSpace(fmt.Sprintf("%v %v", v.Outcome, v.Response))
				}) // what it returns is told by the verdicts
				_ = conn.Close()
				want := map[int]string{0: "rejected 552 5.3.4 too big", 1: "not sent 0"}
				if tc.chunking {
					want[2] = "accepted 250 taken"
				}
				if _, given := got[1]; !given { // the stream had ended before it took the mail
					delete(want, 1)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// emptyFirst is a mail whose first write is empty.
type emptyFirst struct{ *rawMail }

func (m emptyFirst) WriteTo(w io.Writer) (int64, error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	return m.rawMail.WriteTo(w)
}

// TestEmptyWrite: a source may write nothing, also after more commands than are queued at once.
func TestEmptyWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go (&oracle{keywords: chunking}).serve(far)
		conn, openErr := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
		if openErr != nil {
			t.Fatal(openErr)
		}
		var to strings.Builder
		for i := range 6000 {
			fmt.Fprintf(&to, " recipient%d@x.org", i)
		}
		if r := conn.Send(t.Context(), emptyFirst{newMail(t, "from s@x.org\nto"+to.String()+"\n\nSubject: x\n\nx\n")}); r.Err != nil {
			t.Error(r.Err)
		}
		_ = conn.Close()
	})
}
