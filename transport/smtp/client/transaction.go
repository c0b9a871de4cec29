package client

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/dotio"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// ContentInfo is what a caller of Begin knows of the content that it is going to write.
type ContentInfo struct {
	Size     int64 // octets; 0 when unknown. Content of another length is not sent.
	EightBit bool  // an octet above 127 may come
	UTF8     bool  // the header section may hold one
	Binary   bool  // any octets may come, also lines that do not end in CRLF (RFC 3030 section 3)
}

// Transaction is a mail whose content the caller writes: an io.WriteCloser between the recipients and the
// verdict. It belongs to the goroutine that has the Conn, and ends with Close or Abort; until then the
// Conn does nothing else. Result tells what is known of each recipient, at any time.
type Transaction struct {
	conn    *Conn
	attempt *attempt
	stop    func()
	w       io.Writer
	dots    *dotio.Writer // the DATA form
	chunk   []byte        // the BDAT form: the chunk that is being filled
	known   ContentInfo
	scan    bodyscan.Scanner
	err     error   // of Write
	receipt *Result // after the end
}

// ErrTransaction is the cause of calls that have to wait for the end of a Transaction.
var ErrTransaction = errors.New("a transaction is open on this connection")

// ErrNoRecipientAccepted is the error of Begin when there is no recipient to write content for.
var ErrNoRecipientAccepted = errors.New("no recipient was accepted")

// chunkSize is how much content travels in one BDAT when its end is not known.
const chunkSize = 64 << 10

// Begin says who sends and who receives, and returns when the server has answered. Result then tells who was
// refused. When no recipient was accepted, or not all of them with AllOrNothing, the error is that of the
// receipt and the transaction has ended: Write and Close return the same error. The Transaction is never nil.
func (c *Conn) Begin(ctx context.Context, env envelope.Envelope, content ContentInfo) (*Transaction, error) {
	t := &Transaction{conn: c, known: content, attempt: new(attempt), stop: func() {}}
	receipt := &Result{Recipients: make([]RecipientResult, env.Len())}
	c.prepare(t.attempt, receipt.Recipients)
	p := &t.attempt.plan
	err := c.ready(ctx)
	if err == nil {
		err = c.planContent(p, env, content)
	}
	if err != nil {
		receipt.fail(c.fault(PhaseMessage, err))
		t.receipt = receipt
		return t, receipt.Err
	}
	if p.form == formChunk || p.form == formData && c.canChunk() { // content waits for the replies to RCPT
		p.form = formEnvelope
	}
	t.attempt.rcpt = allIndexes(env.Len())
	defer c.link.rethrow()
	t.stop = c.link.watch(ctx)
	c.begin(t.attempt)
	err = t.begin()
	if err == nil && t.w != nil {
		c.current = t
		return t, nil
	}
	if err != nil {
		c.breakLink(err)
	}
	return t, t.end()
}

// begin takes the transaction to the point where content may be written; w stays nil when there is
// no recipient to write it for.
func (t *Transaction) begin() error {
	c, a := t.conn, t.attempt
	a.reset = c.dirty
	if ok, err := c.ensureChunkingSafe(a); err != nil || !ok {
		return err
	}
	if err := c.announce(a); err != nil {
		return err
	}
	if err := c.answered(a); err != nil {
		return err
	}
	if ok, err := c.mayContinue(a); !ok {
		return err
	}
	switch {
	case a.dataAccepted && a.accepted == 0: // an empty content, for no recipient, ends the server's wait
		if err := c.corkData(a); err != nil {
			return err
		}
		return c.answered(a)
	case a.dataAccepted:
		t.dots = dotio.NewWriter(&content{link: c.link})
		t.w = t.dots
	case c.canChunk():
		a.chunked = true
		t.chunk = make([]byte, 0, chunkSize)
		t.w = chunkWriter{t}
	default:
		if err := c.ask(a, PhaseData, 0, commands.Data{}); err != nil {
			return err
		}
		if err := c.answered(a); err != nil || !a.dataAccepted {
			return err
		}
		if ok, err := c.mayContinue(a); !ok {
			return err
		}
		t.dots = dotio.NewWriter(&content{link: c.link})
		t.w = t.dots
	}
	c.bodyStarts(a)
	return nil
}

// Result returns what is known of the recipients. Before the end the refused ones are decided and the others
// are NotSent.
func (t *Transaction) Result() *Result {
	if t.receipt != nil {
		return t.receipt
	}
	receipt := &Result{Recipients: append([]RecipientResult(nil), t.attempt.verdicts...)}
	for i := range receipt.Recipients {
		if v := &receipt.Recipients[i]; v.isRefused() {
			v.Outcome = refusalOf(v.Response)
		}
	}
	return receipt
}

// Write writes content in its canonical form: lines end in CRLF. It may block as long as the server
// does not read. After an error only Abort or Close make sense.
func (t *Transaction) Write(p []byte) (int, error) {
	switch {
	case t.receipt != nil:
		return 0, cmp.Or(t.receipt.Err, errEnded)
	case t.err != nil:
		return 0, t.err
	}
	_, _ = t.scan.Write(p) // a Scanner never fails
	info := t.scan.Info()
	if info.BareNewline == info.Size {
		info.BareNewline = 0 // what follows decides
	}
	if t.err = t.judge(info); t.err != nil {
		return 0, t.err
	}
	defer t.conn.link.rethrow()
	n, err := t.w.Write(p)
	t.err = err
	return n, err
}

// judge checks content against what it must be, and what was said of it.
func (t *Transaction) judge(info bodyscan.Info) error {
	switch {
	case t.known.Size > 0 && info.Size > t.known.Size:
		return &contentError{&bodyscan.LengthError{Planned: t.known.Size, Written: info.Size}}
	case t.known.Binary:
		return nil
	case info.BareNewline > 0, info.NUL:
		return &contentError{bodyscan.NotCanonical(info)}
	case info.EightBit && !t.known.EightBit && !t.known.UTF8, info.EightBitHeader && !t.known.UTF8:
		return &contentError{errUnannounced}
	}
	return nil
}

var errUnannounced = errors.New("octet above 127 in content that was said to have none")

// Close ends the content and waits for the verdicts. The error is nil if and only if every recipient was
// accepted; it is that of Result. After a failed Write it does what Abort does. A second Close returns the
// same.
func (t *Transaction) Close() error {
	if t.receipt != nil {
		return t.receipt.Err
	}
	defer t.conn.link.rethrow()
	info := t.scan.Info()
	if t.err == nil {
		t.err = t.judge(info)
	}
	if t.err == nil && t.known.Size > info.Size {
		t.err = &contentError{&bodyscan.LengthError{Planned: t.known.Size, Written: info.Size}}
	}
	if t.err == nil {
		t.err = t.finish()
	}
	if t.err != nil {
		return t.abandon(t.err)
	}
	return t.end()
}

func (t *Transaction) finish() error {
	c, a := t.conn, t.attempt
	if t.dots != nil {
		if err := t.dots.Close(); err != nil {
			return &contentError{err}
		}
		if err := c.bodyEnds(a); err != nil {
			return err
		}
		return c.answered(a)
	}
	if err := c.link.wait(func() bool { return a.replies == a.asked }); err != nil || a.chunkRefused {
		return err // a refused chunk has said it all
	}
	line, err := commands.Bdat{Size: int64(len(t.chunk)), Last: true}.AppendTo(c.link.out)
	if err != nil {
		return err
	}
	c.link.out = append(line, t.chunk...)
	if err := c.bodyEnds(a); err != nil {
		return err
	}
	return c.answered(a)
}

// Abort gives the mail up. The content is left unfinished, so that no server can take it for the whole, which
// only closing the connection can do. After the end it does nothing.
func (t *Transaction) Abort() {
	if t.receipt == nil {
		_ = t.abandon(&contentError{errAborted}) // the caller knows
	}
}

var (
	errAborted = errors.New("given up by the caller")
	errEnded   = errors.New("the transaction has ended")
)

func (t *Transaction) abandon(err error) error {
	_ = t.conn.bodyFailed(t.attempt, err) // notes err, which is known here
	t.conn.breakLink(err)
	return t.end()
}

// end gives the Conn back.
func (t *Transaction) end() error {
	c := t.conn
	t.stop()
	c.current = nil
	c.link.mu.Lock()
	c.link.body, c.link.source = nil, nil
	c.link.mu.Unlock()
	c.end(t.attempt)
	receipt := &Result{Recipients: t.attempt.verdicts}
	receipt.add(t.attempt)
	c.conclude(receipt, t.attempt.overflow)
	if failure, failed := receipt.Failure(); failed && failure.Err == nil && t.attempt.accepted == 0 {
		failure.Err = ErrNoRecipientAccepted
	}
	t.receipt = receipt
	return receipt.Err
}

// chunkWriter fills chunks and sends each when more content follows, so that the last one is never
// empty unless all of the content is.
type chunkWriter struct{ t *Transaction }

func (w chunkWriter) Write(p []byte) (int, error) {
	t, total := w.t, len(p)
	for len(p) > 0 {
		if len(t.chunk) == chunkSize {
			if err := t.send(); err != nil {
				return total - len(p), err
			}
		}
		n := min(len(p), chunkSize-len(t.chunk))
		t.chunk = append(t.chunk, p[:n]...)
		p = p[n:]
	}
	return total, nil
}

// send sends the chunk. Its reply is not waited for where the server can take more.
func (t *Transaction) send() error {
	c, a := t.conn, t.attempt
	if err := c.queue(expectation{phase: PhaseBody, to: a}, commands.Bdat{Size: int64(len(t.chunk))}); err != nil {
		return err
	}
	a.asked++
	c.link.out = append(c.link.out, t.chunk...)
	t.chunk = t.chunk[:0]
	if err := c.link.flush(); err != nil {
		return err
	}
	if !c.info.Has(extension.Pipelining) {
		if err := c.answered(a); err != nil {
			return err
		}
	}
	return c.link.wait(func() bool { return a.asked-a.replies <= maxChunksAhead || a.chunkRefused })
}

// maxChunksAhead bounds the chunks whose replies have not come, so that a refusal stops the content
// soon.
const maxChunksAhead = 16
