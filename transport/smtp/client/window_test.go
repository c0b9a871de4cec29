package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// slow is a server that answers only when the client has nothing more to say, so that what it has not
// answered is what the client dares to have in flight.
type slow struct {
	mu    sync.Mutex
	w     io.Writer
	owed  []string // replies
	mails int      // without a verdict
}

// listen reads what the client says until it closes.
func (s *slow) listen(nc net.Conn) {
	r := bufio.NewReader(nc)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		reply := "250 ok"
		switch verb {
		case "EHLO":
			reply = "250-slow\r\n250-PIPELINING\r\n250 CHUNKING"
		case "BDAT":
			size, _ := strconv.Atoi(strings.TrimSuffix(rest, " LAST"))
			if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
				return
			}
		}
		s.mu.Lock()
		s.owed = append(s.owed, reply)
		if verb == "BDAT" {
			s.mails++
		}
		s.mu.Unlock()
	}
}

// answer gives the replies that are owed, and returns how many mails were in flight until now.
func (s *slow) answer() (mails int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, reply := range s.owed {
		fmt.Fprintf(s.w, "%s\r\n", reply)
	}
	mails = s.mails
	s.owed, s.mails = nil, 0
	return mails
}

// TestWindow holds how much is in flight: no more than the window, and after a while all of it.
func TestWindow(t *testing.T) {
	for name, tc := range map[string]struct {
		window client.Window
		octets int // of each mail
		want   int // mails at once
	}{
		"the number":              {client.Window{Messages: 5}, 1000, 5},
		"one":                     {client.Window{}, 1000, 1},
		"the octets":              {client.Window{Messages: 50, Octets: 10_000}, 3002, 3},
		"the octets, by default":  {client.Window{Messages: 50}, 300 << 10, 3},
		"larger than the octets":  {client.Window{Messages: 50}, 3 << 20, 1},
		"exactly all the octets":  {client.Window{Messages: 50, Octets: 6004}, 3002, 2},
		"an octet more than that": {client.Window{Messages: 50, Octets: 6003}, 3002, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const head = "from s@x.org\nto r@x.org\n\nSubject: x\n\n"
				mail := newMail(t, head+strings.Repeat("x\n", (tc.octets-len("Subject: x\r\n\r\n"))/len("x\r\n")))
				near, far := net.Pipe()
				server := &slow{w: far, owed: []string{"220 slow"}}
				go server.listen(far)
				var feed list
				for range 40 {
					feed.jobs = append(feed.jobs, &client.BulkJob{Mail: mail})
				}
				ended := make(chan error)
				go func() {
					conn, openErr := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
					if openErr != nil {
						ended <- openErr
						return
					}
					err := conn.Stream(t.Context(), tc.window, &feed, func(*client.BulkJob) {})
					_ = conn.Close()
					ended <- err
				}()
				var most int
				for {
					synctest.Wait()
					most = max(most, server.answer())
					select {
					case err := <-ended:
						if err != nil {
							t.Error(err)
						}
						if diff := cmp.Diff(tc.want, most); diff != "" {
							t.Errorf("mails at once: %s", diff)
						}
						return
					default:
					}
				}
			})
		})
	}
}
