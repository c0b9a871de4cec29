package chaos_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// temper is what a mail does to the transport that reads it.
type temper uint8

const (
	calm temper = iota
	fails
	shorter
	longer
	panics
)

// mail is one mail of a round. It is read several times, and only the first reading is sure to be right.
type mail struct {
	env    envelope.Envelope
	data   []byte
	temper temper
	by     string // the sender

	mu    sync.Mutex
	reads int
}

var errSource = errors.New("the disk is gone")

// panicked is what a mail panics with.
const panicked = "the caller's code panics"

func (m *mail) Envelope() envelope.Envelope { return m.env }

func (m *mail) WriteTo(w io.Writer) (int64, error) {
	m.mu.Lock()
	m.reads++
	reads := m.reads
	m.mu.Unlock()
	data := m.data
	if reads > 1 { // and never twice the same
		switch m.temper {
		case fails, shorter, panics:
			end := "\r\n"
			data = append(bytes.Clone(data[:max(len(data)-reads-len(end), 0)]), end...) // the length is all that a transport can compare
		case longer:
			data = append(bytes.Clone(data), strings.Repeat("more\r\n", reads)...)
		case calm:
		}
	}
	n, err := w.Write(data)
	switch {
	case reads == 1 || err != nil:
	case m.temper == fails:
		err = errSource
	case m.temper == panics:
		panic(panicked)
	}
	return int64(n), err
}

// round is a number of mails, and what became of them.
type round struct {
	mu    sync.Mutex
	rand  *rand.Rand
	mails []*mail
	ends  []*transport.Result // nil for one whose end the caller was not told
	count map[transport.Outcome]int
}

// pick chooses a number below n.
func (r *round) pick(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rand.IntN(n)
}

// mail makes the next mail of a sender, which is calm unless moody is set, and returns its number.
func (r *round) mail(by string, moody bool) (int, *mail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.mails)
	size := r.rand.IntN([]int{200, 200, 5_000, 100_000}[r.rand.IntN(4)])
	var b bytes.Buffer
	fmt.Fprintf(&b, "Subject: %d\r\n\r\n", n)
	for b.Len() < size {
		fmt.Fprintf(&b, ".%d %d\r\n", n, r.rand.Uint64())
	}
	m := &mail{data: b.Bytes(), by: by}
	if moody && r.rand.IntN(25) == 0 {
		m.temper = temper(1 + r.rand.IntN(int(panics)))
	}
	var to []envelope.Address
	for i := range 1 + r.rand.IntN(3) {
		to = append(to, parse(fmt.Sprintf("r%d.%d@example.org", i, n)))
	}
	var err error
	if m.env, err = envelope.New(parse(fmt.Sprintf("s%d@example.org", n)), to...); err != nil {
		panic(err)
	}
	r.mails, r.ends = append(r.mails, m), append(r.ends, nil)
	return n, m
}

// end notes what became of a mail.
func (r *round) end(n int, result *transport.Result) (twice bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	twice = r.ends[n] != nil
	r.ends[n] = result
	return twice
}

func parse(s string) envelope.Address {
	a, err := envelope.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
