package client

import (
	"errors"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
)

// enqueueChunk enqueues the content as one chunk. When the server had been silent, it may have closed the
// connection without our knowing yet. Then the last octet waits for its first reply, so that such a
// close leaves no doubt about the mail.
func (c *Conn) enqueueChunk(tx *txn, idle bool) error {
	const line = len("BDAT 9223372036854775807 LAST\r\n")
	c.chunked(tx)
	if idle || tx.plan.size > int64(flightSize-line-len(c.wire.out)) {
		c.bodyStarts(tx)
	} else { // nothing of it is written before its end is queued too
		tx.times[timeEnvelope] = c.now()
	}
	if err := c.writeBDAT(tx); err != nil {
		return c.bodyFailed(tx, err)
	}
	if idle {
		if err := c.wire.flushBut(1); err != nil {
			return err
		}
		if err := c.wire.wait(func(in *receiver) bool { return tx.heard(in).replies > 0 }); err != nil {
			return err
		}
	}
	return c.bodyEnds(tx)
}

// writeBDAT queues and writes the content as one BDAT chunk. What it leaves queued ends the content.
func (c *Conn) writeBDAT(tx *txn) error {
	command := commands.Bdat{Size: tx.plan.size, Last: true}
	line, err := command.AppendTo(c.wire.out)
	if err != nil {
		return err
	}
	c.traceCommand(expectation{to: &tx.guarded}, command, line[len(c.wire.out):])
	c.wire.out = line
	c.filler = content{wire: c.wire}
	return c.fill(tx, &c.filler)
}

// chunked notes that the content goes by BDAT.
func (c *Conn) chunked(tx *txn) {
	tx.heard(c.wire.lock()).chunked = true
	c.wire.unlock()
}

// chunkSize is how much content travels in one BDAT when its end is not known.
const chunkSize = 64 << 10

// chunkWriter fills chunks and sends each when more content follows, so that the last one is never
// empty unless all of the content is.
type chunkWriter struct{ t *Transaction }

func (w chunkWriter) Write(p []byte) (int, error) {
	t, total := w.t, len(p)
	if t.isChunkRefused() {
		return 0, errChunkRefused
	}
	for len(p) > 0 {
		if len(t.chunk) == chunkSize {
			if err := t.sendChunk(); err != nil {
				return total - len(p), err
			}
		}
		n := min(len(p), chunkSize-len(t.chunk))
		t.chunk = append(t.chunk, p[:n]...)
		p = p[n:]
	}
	return total, nil
}

// errChunkRefused means that the server refused a chunk before the last: nothing of the content is sent any more
// (RFC 3030 section 2).
var errChunkRefused = errors.New("the server refused a part of the content")

func (t *Transaction) isChunkRefused() bool {
	defer t.conn.wire.unlock()
	return t.txn.heard(t.conn.wire.lock()).chunkRefused
}

// sendChunk sends the chunk. Its reply is not waited for where the server can take more.
func (t *Transaction) sendChunk() error {
	c, tx := t.conn, t.txn
	if err := c.enqueue(expectation{step: stepBody, to: &tx.guarded}, commands.Bdat{Size: int64(len(t.chunk))}); err != nil {
		return err
	}
	tx.asked++
	c.wire.reserve(len(t.chunk))
	c.wire.out = append(c.wire.out, t.chunk...)
	t.chunk = t.chunk[:0]
	if err := c.wire.flush(); err != nil {
		return err
	}
	if !c.offers.pipelining {
		if err := c.answered(tx); err != nil {
			return err
		}
	}
	if err := c.wire.wait(func(in *receiver) bool {
		h := tx.heard(in)
		return tx.asked-h.replies <= maxChunksAhead || h.chunkRefused
	}); err != nil {
		return err
	}
	if t.isChunkRefused() {
		return errChunkRefused
	}
	return nil
}

// maxChunksAhead bounds the chunks whose replies have not come, so that a refusal stops the content
// soon.
const maxChunksAhead = 16

// sendLast sends the last chunk, when all before it were taken, and waits for the verdict.
func (t *Transaction) sendLast() error {
	c, tx := t.conn, t.txn
	refused := false
	if err := c.wire.wait(func(in *receiver) bool {
		refused = tx.heard(in).chunkRefused
		return tx.answered(in)
	}); err != nil || refused {
		return err // a refused chunk has said it all
	}
	c.wire.reserve(len(t.chunk))
	line, err := commands.Bdat{Size: int64(len(t.chunk)), Last: true}.AppendTo(c.wire.out)
	if err != nil {
		return err
	}
	c.wire.out = append(line, t.chunk...)
	if err := c.bodyEnds(tx); err != nil {
		return err
	}
	return c.answered(tx)
}
