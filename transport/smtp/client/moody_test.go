package client_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// moody is a server that answers at random: late, with refusals of any step, before a content has ended, or not
// at all. Every reply about a mail ends with its tag, the local part of its sender.
type moody struct {
	r        *rand.Rand
	chunking bool
	in       *bufio.Reader
	out      chan string    // replies; closing it closes the connection
	late     sync.WaitGroup // replies that are still to be said
	tag      string         // of the transaction
	refused  bool           // MAIL was
	to       bool           // a recipient was accepted
	taken    map[string]int // how often each mail was
}

func (s *moody) rarely(n int) bool { return s.r.IntN(n) == 0 }

func (s *moody) say(code int) {
	if s.rarely(4) {
		time.Sleep(time.Duration(s.r.IntN(20)) * time.Millisecond) // of the bubble
	}
	s.out <- fmt.Sprintf("%d %s\r\n", code, s.tag)
}

func (s *moody) serve(nc net.Conn) {
	go func() {
		for reply := range s.out {
			if _, err := io.WriteString(nc, reply); err != nil {
				return
			}
		}
		_ = nc.Close()
	}()
	defer func() {
		s.late.Wait()
		close(s.out)
	}()
	s.in = bufio.NewReader(nc)
	s.out <- "220 moody\r\n"
	for !s.rarely(200) {
		line, err := s.in.ReadString('\n')
		if err != nil || !s.command(strings.TrimSpace(line)) {
			return
		}
	}
}

func (s *moody) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO":
		s.out <- "250-moody\r\n250-PIPELINING\r\n" + map[bool]string{true: "250 CHUNKING\r\n", false: "250 HELP\r\n"}[s.chunking]
	case "MAIL":
		s.tag, _, _ = strings.Cut(between(rest), "@")
		s.to, s.refused = false, s.rarely(60)
		s.say(map[bool]int{true: 451, false: 250}[s.refused])
	case "RCPT":
		switch {
		case s.refused:
			s.say(503)
		case s.rarely(10):
			s.say(550)
		default:
			s.to = true
			s.say(250)
		}
	case "DATA":
		return s.data()
	case "BDAT":
		return s.bdat(rest)
	default:
		s.to = false
		s.out <- "250 ok\r\n"
	}
	return true
}

// data takes a content, or refuses it in the middle of it and then says no more about it.
func (s *moody) data() bool {
	if !s.to {
		s.say(554)
		return true
	}
	s.say(354)
	early := s.rarely(8)
	if early {
		tag, after := s.tag, time.Duration(s.r.IntN(40))*time.Millisecond
		s.late.Go(func() {
			time.Sleep(after) // of the bubble
			s.out <- "552 " + tag + "\r\n"
		})
	}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
	}
	if early {
		s.late.Wait()
		return true
	}
	s.verdict()
	return true
}

// bdat takes a chunk, which is a whole content, or refuses it before it has come.
func (s *moody) bdat(args string) bool {
	size, _ := strconv.Atoi(strings.TrimSuffix(args, " LAST"))
	early := !s.to || s.rarely(8)
	if early {
		s.say(552)
	}
	if _, err := io.CopyN(io.Discard, s.in, int64(size)); err != nil {
		return false
	}
	if !early {
		s.verdict()
	}
	return true
}

func (s *moody) verdict() {
	if s.rarely(8) {
		s.say(554)
		return
	}
	s.taken[s.tag]++
	s.say(250)
}

// hesitant is a mail that comes in pieces, some of them late.
type hesitant struct {
	*rawMail
	r *rand.Rand
}

func (m hesitant) WriteTo(w io.Writer) (total int64, err error) {
	for data := []byte(m.data); len(data) > 0 && err == nil; {
		if m.r.IntN(3) == 0 {
			time.Sleep(time.Duration(m.r.IntN(20)) * time.Millisecond) // of the bubble
		}
		var n int
		n, err = w.Write(data[:min(len(data), 1+m.r.IntN(60_000))])
		data, total = data[n:], total+int64(n)
	}
	return total, err
}

// TestMoodyServer: whatever a server does, each mail has the verdict that is about it, or none, and what is
// said of it agrees with what the server took.
func TestMoodyServer(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			server := &moody{r: rand.New(rand.NewPCG(seed, 2)), chunking: r.IntN(2) == 0, out: make(chan string, 1000), taken: map[string]int{}}
			near, far := net.Pipe()
			go server.serve(far)
			conn, openErr := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
			if openErr != nil { // it was not in the mood
				return
			}
			const mails, line = 12, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
			var feed list
			for i := range mails {
				size := r.IntN([]int{3000, 150_000}[r.IntN(2)])
				mail := newMail(t, fmt.Sprintf("from m%d@x.org\nto r@x.org\n\nSubject: x\n\n%s", i, strings.Repeat(line, size/len(line))))
				feed.jobs = append(feed.jobs, &client.BulkJob{Mail: hesitant{mail, r}, Index: i})
			}
			ended := map[int]*client.Result{}
			_ = conn.Stream(t.Context(), client.Window{Messages: 6}, &feed, func(j *client.BulkJob) {
				if ended[j.Index] != nil {
					t.Errorf("seed %d: mail %d ended twice", seed, j.Index)
				}
				ended[j.Index] = j.Result
			}) // what it returns is told by the receipts
			_ = conn.Close()
			time.Sleep(10 * time.Second) // of the bubble: the server has ended
			synctest.Wait()
			if len(ended)+len(feed.jobs) != mails {
				t.Errorf("seed %d: %d mails ended, %d were not taken", seed, len(ended), len(feed.jobs))
			}
			for i, receipt := range ended {
				agrees(t, fmt.Sprintf("seed %d, mail %d", seed, i), receipt, fmt.Sprintf("m%d", i), server.taken[fmt.Sprintf("m%d", i)])
			}
		})
	}
}

func agrees(t *testing.T, name string, receipt *client.Result, tag string, taken int) {
	t.Helper()
	v := receipt.Recipients[0]
	own := v.Response.Text() == tag
	switch {
	case v.Outcome == client.Accepted && taken == 1 && own, (v.Outcome == client.Rejected || v.Outcome == client.Deferred) && taken == 0 && own:
	case v.Outcome == client.NotSent && taken == 0, v.Outcome == client.Unknown && taken <= 1:
	default:
		t.Errorf("%s: %v %q, and it was taken %d times: %v", name, v.Outcome, v.Response, taken, receipt.Err)
	}
	if receipt.Err != nil && errors.Is(receipt.Err, client.ErrUnsolicited) {
		t.Errorf("%s: %v", name, receipt.Err)
	}
}
