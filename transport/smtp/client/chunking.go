package client

import (
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Chunking says whether content may travel by BDAT (RFC 3030).
type Chunking uint8

// The choices. A server that refuses a BDAT without swallowing its octets would read message content
// as commands. ChunkingAuto therefore sends content after unanswered commands only after the server
// has been seen to swallow a refused chunk.
const (
	ChunkingAuto    Chunking = iota // after a probe, which travels with the first message
	ChunkingTrusted                 // from the first message on: the server is known to be good
	ChunkingOff                     // never
	ChunkingProven                  // as ChunkingTrusted, because a session before has seen a good probe
)

// chunkState is what is known of the server.
type chunkState uint8

const (
	chunksUnproven chunkState = iota
	chunksProven
	chunksBad
)

// canChunk reports whether content may follow a BDAT at once.
func (c *Conn) canChunk() bool {
	if !c.info.Has(extension.Chunking) || c.cfg.Chunking == ChunkingOff {
		return false
	}
	safe, known := c.ChunkingSafe()
	return safe || !known && (c.cfg.Chunking == ChunkingTrusted || c.cfg.Chunking == ChunkingProven)
}

// probe corks the probe, when one is due: a BDAT that must be refused, because no transaction is
// open, and RSET. Its six octets are the line of a command that must be refused too. So the reply
// after the first tells what became of them: 2yz answers RSET, they were swallowed; 5yz answers
// them, they were run.
func (c *Conn) probe() error {
	if c.cfg.Chunking != ChunkingAuto || c.probed || !c.info.Has(extension.Chunking) || !c.info.Has(extension.Pipelining) {
		return nil
	}
	c.probed = true
	p := &probe{conn: c}
	const content = "DATA\r\n"
	if c.link.trace != nil {
		c.link.report(Event{Kind: EventNote, Text: "a BDAT without a mail, to learn whether a refused one is swallowed: a refusal such as 503 is the right answer"})
	}
	if err := c.queue(expectation{phase: PhaseReset, to: p}, commands.Bdat{Size: int64(len(content)), Last: true}); err != nil {
		return err
	}
	c.link.out = append(c.link.out, content...)
	return c.queue(expectation{phase: PhaseReset, to: p}, commands.Rset{})
}

// ensureChunkingSafe makes sure, before a mail that must travel by BDAT, that the server swallows a chunk that it
// refuses; when it does not, the mail is lost. It takes a round trip unless that is known.
func (c *Conn) ensureChunkingSafe(a *attempt) (ok bool, err error) {
	if a.plan.params.Body != extension.BodyBinary || c.canChunk() {
		return true, nil
	}
	if err := c.probe(); err != nil {
		return false, err
	}
	if err := c.link.flush(); err != nil {
		return false, err
	}
	if err := c.link.answered(); err != nil {
		return false, err
	}
	if !c.canChunk() {
		a.stop = &Error{Phase: PhaseMessage, Err: ErrNoBinaryMIME}
		return false, nil
	}
	return true, nil
}

// probe takes the replies to a probe.
type probe struct {
	conn    *Conn
	replies int
	unknown bool // BDAT was refused as a command
}

func (p *probe) reply(_ expectation, r response.Response) (more bool, err error) {
	p.replies++
	switch {
	case p.replies == 1 && r.Code.Severity() != response.Intermediate: // 2yz: a sink that takes everything
		p.unknown = unknownCommand(r.Code)
	case p.replies == 2 && r.Code.IsCompleted() && p.unknown: // swallowed or not, it does not know BDAT
		p.conn.link.chunking = chunksBad
	case p.replies == 2 && r.Code.IsCompleted():
		p.conn.link.chunking = chunksProven
	case p.replies == 2 && r.Code.Severity() != response.Intermediate:
		p.conn.link.chunking = chunksBad
		return true, nil // the chunk was run as a command; RSET is still to be answered
	case p.replies == 3 && r.Code.IsCompleted():
	default:
		p.conn.link.chunking = chunksBad
		return false, unexpected(r)
	}
	return false, nil
}

// ChunkingSafe reports what this session has learned of the server: true when it swallows a refused chunk,
// false when it does not, and known as false when neither was seen.
func (c *Conn) ChunkingSafe() (safe, known bool) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	chunking := c.link.chunking
	return chunking == chunksProven, chunking == chunksProven || chunking == chunksBad
}
