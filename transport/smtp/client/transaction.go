package client

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/dotio"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
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
	txn     *txn
	stop    func()
	w       io.Writer
	dots    *dotio.Writer // the DATA form, on data
	data    content
	chunk   []byte // the BDAT form: the chunk that is being filled
	known   ContentInfo
	scan    bodyscan.Scanner
	err     error   // of Write
	receipt *Result // after the end
}

// ErrTransaction is the cause of calls that have to wait for the end of a Transaction.
var ErrTransaction = errors.New("a transaction is open on this connection")

// ErrNoRecipientAccepted is the error of Begin when there is no recipient to write content for.
var ErrNoRecipientAccepted = errors.New("no recipient was accepted")

// Begin says who sends and who receives, and returns when the server has answered. Result then tells who was
// refused. When no recipient was accepted, or not all of them with AllOrNothing, the error is that of the
// receipt and the transaction has ended: Write and Close return the same error. The Transaction is never nil.
func (c *Conn) Begin(ctx context.Context, env envelope.Envelope, content ContentInfo) (*Transaction, error) {
	t := &Transaction{conn: c, known: content, txn: new(txn), stop: func() {}}
	receipt := &Result{Recipients: make([]RecipientResult, env.Len())}
	c.prepare(t.txn, receipt)
	p := &t.txn.plan
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
	t.txn.rcpt = allIndexes(env.Len())
	defer c.wire.rethrow()
	t.stop = c.wire.watch(ctx)
	c.begin(t.txn)
	err = t.begin()
	if err == nil && t.w != nil {
		c.current = t
		return t, nil
	}
	if err != nil {
		c.breakWire(err)
	}
	return t, t.end()
}

// begin takes the transaction to the point where content may be written; w stays nil when there is
// no recipient to write it for.
func (t *Transaction) begin() error {
	c, tx := t.conn, t.txn
	tx.reset = c.dirty
	if ok, err := c.ensureChunkingSafe(tx); err != nil || !ok {
		return err
	}
	if err := c.announce(tx); err != nil {
		return err
	}
	if err := c.answered(tx); err != nil {
		return err
	}
	if ok, err := c.mayContinue(tx); !ok {
		return err
	}
	h := tx.heard(c.wire.lock())
	dataAccepted, empty := h.dataAccepted, h.accepted == 0
	c.wire.unlock()
	switch {
	case dataAccepted && empty: // an empty content, for no recipient, ends the server's wait
		if err := c.enqueueData(tx); err != nil {
			return err
		}
		return c.answered(tx)
	case dataAccepted:
		t.writeDATA()
	case c.canChunk():
		c.chunked(tx)
		t.chunk = make([]byte, 0, chunkSize)
		t.w = chunkWriter{t}
	default:
		if err := c.ask(tx, stepData, 0, commands.Data{}); err != nil {
			return err
		}
		if err := c.answered(tx); err != nil {
			return err
		}
		if ok, err := c.mayContinue(tx); !ok {
			return err
		}
		t.writeDATA()
	}
	c.bodyStarts(tx)
	return nil
}

func (t *Transaction) writeDATA() {
	t.data = content{wire: t.conn.wire}
	t.dots = dotio.NewWriter(&t.data)
	t.w = t.dots
}

// Result returns what is known of the recipients. Before the end the refused ones are decided and the others
// are NotSent.
func (t *Transaction) Result() *Result {
	if t.receipt != nil {
		return t.receipt
	}
	receipt := &Result{Recipients: slices.Clone(t.txn.heard(t.conn.wire.lock()).results)}
	t.conn.wire.unlock()
	for i := range receipt.Recipients {
		if v := &receipt.Recipients[i]; v.isRefused() {
			v.Outcome = refusalOf(v.Response)
		}
	}
	return receipt
}

// Write writes content in its canonical form: lines end in CRLF. It may block as long as the server
// does not read. The error is an *Error of PhaseBody: of the connection, of the content, or the refusal of the server,
// after which nothing more is sent. After an error only Abort or Close make sense.
func (t *Transaction) Write(p []byte) (int, error) {
	switch {
	case t.receipt != nil:
		return 0, cmp.Or(t.receipt.Err, errEnded)
	case t.err != nil:
		return 0, t.failure()
	}
	_, _ = t.scan.Write(p) // a Scanner never fails
	info := t.scan.Info()
	if info.BareNewline == info.Size {
		info.BareNewline = 0 // what follows decides
	}
	if t.err = t.judge(info); t.err != nil {
		return 0, t.failure()
	}
	defer t.conn.wire.rethrow()
	n, err := t.w.Write(p)
	if t.err = err; err != nil {
		return n, t.failure()
	}
	return n, nil
}

// failure is the error of Write to a caller, with the refusal where the server said one.
func (t *Transaction) failure() error {
	e := *t.conn.fault(PhaseBody, t.err)
	if errors.As(t.err, new(*contentError)) {
		return &e
	}
	if refused := t.txn.heard(t.conn.wire.lock()).refused; refused != nil {
		e.Response = refused.Response
	}
	t.conn.wire.unlock()
	return &e
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
// accepted; it is that of Result. After a failed Write it does what Abort does, unless the server refused a chunk of the
// content: then the Conn stays usable. A second Close returns the same.
func (t *Transaction) Close() error {
	if t.receipt != nil {
		return t.receipt.Err
	}
	defer t.conn.wire.rethrow()
	info := t.scan.Info()
	if t.err == nil {
		t.err = t.judge(info)
	}
	if t.err == nil && t.known.Size > info.Size {
		t.err = &contentError{&bodyscan.LengthError{Planned: t.known.Size, Written: info.Size}}
	}
	if t.err == nil || errors.Is(t.err, errChunkRefused) {
		t.err = t.finish()
	}
	if t.err != nil {
		return t.abandon(t.err)
	}
	return t.end()
}

func (t *Transaction) finish() error {
	c, tx := t.conn, t.txn
	if t.dots != nil {
		if err := t.data.judge(t.dots.Close()); err != nil {
			return err
		}
		if err := c.bodyEnds(tx); err != nil {
			return err
		}
		return c.answered(tx)
	}
	return t.sendLast()
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
	_ = t.conn.bodyFailed(t.txn, err) // notes err, which is known here
	t.conn.breakWire(err)
	return t.end()
}

// end gives the Conn back.
func (t *Transaction) end() error {
	c := t.conn
	t.stop()
	c.current = nil
	in := c.wire.lock()
	h := t.txn.heard(in)
	in.forgetBody(h)
	receipt := &Result{Recipients: h.results}
	c.wire.unlock()
	c.end(t.txn)
	receipt.add(t.txn)
	c.conclude(receipt, t.txn.overflow)
	if failure, failed := receipt.Failure(); failed && failure.Err == nil && t.txn.accepted == 0 {
		failure.Err = ErrNoRecipientAccepted
	}
	t.receipt = receipt
	return receipt.Err
}
