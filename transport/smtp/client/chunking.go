package client

import (
	"errors"

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
	if !c.offers.chunking || c.cfg.Chunking == ChunkingOff {
		return false
	}
	safe, known := c.ChunkingSafe()
	return safe || !known && (c.cfg.Chunking == ChunkingTrusted || c.cfg.Chunking == ChunkingProven)
}

// probe queues the probe, when one is due: a BDAT that must be refused, because no transaction is
// open, and RSET. Its six octets are the line of a command that must be refused too. So the reply
// after the first tells what became of them: 2yz answers RSET, they were swallowed; 5yz answers
// them, they were run.
func (c *Conn) probe() error { return c.probeAs(new(probe)) }

// probeAs queues a probe whose replies p takes.
func (c *Conn) probeAs(p sink) error {
	if _, known := c.ChunkingSafe(); known || c.cfg.Chunking != ChunkingAuto || c.probed || !c.offers.chunking || !c.offers.pipelining {
		return nil
	}
	c.probed = true
	const content = "DATA\r\n"
	if c.wire.tracing {
		c.wire.report(Event{Kind: EventNote, Text: "a BDAT without a mail, to learn whether a refused one is swallowed: a refusal such as 503 is the right answer"})
	}
	if err := c.enqueue(expectation{step: stepReset, to: p}, commands.Bdat{Size: int64(len(content)), Last: true}); err != nil {
		return err
	}
	c.wire.out = append(c.wire.out, content...)
	return c.enqueue(expectation{step: stepReset, to: p}, commands.Rset{})
}

// ensureChunkingSafe makes sure, before a mail that must travel by BDAT, that the server swallows a chunk that it
// refuses; when it does not, the mail is lost. It takes a round trip unless that is known.
func (c *Conn) ensureChunkingSafe(tx *txn) (ok bool, err error) {
	if tx.plan.params.Body != extension.BodyBinary || c.canChunk() {
		return true, nil
	}
	if err := c.probe(); err != nil {
		return false, err
	}
	if err := c.wire.flush(); err != nil {
		return false, err
	}
	if err := c.wire.answered(); err != nil {
		return false, err
	}
	if !c.canChunk() {
		tx.stop = &Error{Phase: PhaseMessage, Err: ErrNoBinaryMIME}
		return false, nil
	}
	return true, nil
}

// probe takes the replies to a probe.
type probe struct {
	replies int
	unknown bool // BDAT was refused as a command
}

// loginProbe takes the replies to a probe before AUTH. What stands before the login may be another program than
// what stands after it, or a guard that refuses every command by the same code. So only a refusal of BDAT itself whose
// octets were swallowed decides; after anything else a probe travels with the first mail, as without a login.
type loginProbe struct {
	replies int
	guarded bool // the refusal does not show that BDAT is known
}

// probeBeforeLogin queues a probe that travels with the first AUTH, which ends its group (RFC 4954 section 4). When it
// does not decide, the first mail carries one as well.
func (c *Conn) probeBeforeLogin() error {
	if c.probedLogin {
		return nil
	}
	c.probedLogin = true
	err := c.probeAs(new(loginProbe))
	if c.probed {
		c.budget.errors++ // the server counts it until it takes a mail
	}
	c.probed = false
	return err
}

func (p *loginProbe) reply(in *receiver, _ expectation, r response.Response) (more bool, err error) {
	p.replies++
	switch {
	case p.replies == 1 && r.Code.Severity() != response.Intermediate:
		p.guarded = unknownCommand(r.Code) || r.Code == response.AuthRequired
	case p.replies == 2 && r.Code.IsCompleted():
		if !p.guarded {
			in.chunking = chunksProven
		}
	case p.replies == 2 && r.Code.Severity() != response.Intermediate:
		return true, nil // the octets were run as a command, or RSET was refused
	case p.replies == 3 && r.Code.IsCompleted() && r.Code != response.AuthSucceeded:
	case p.replies == 3:
		return false, errNextCommand
	default:
		return false, unexpected(r)
	}
	return false, nil
}

// errNextCommand is the error of a sink whose reply belongs to the command after it.
var errNextCommand = errors.New("the reply answers the next command")

func (p *probe) reply(in *receiver, _ expectation, r response.Response) (more bool, err error) {
	p.replies++
	switch {
	case p.replies == 1 && r.Code.Severity() != response.Intermediate: // 2yz: a sink that takes everything
		p.unknown = unknownCommand(r.Code)
	case p.replies == 2 && r.Code.IsCompleted() && p.unknown: // swallowed or not, it does not know BDAT
		in.chunking = chunksBad
	case p.replies == 2 && r.Code.IsCompleted():
		in.chunking = chunksProven
	case p.replies == 2 && r.Code.Severity() != response.Intermediate:
		in.chunking = chunksBad
		return true, nil // the chunk was run as a command; RSET is still to be answered
	case p.replies == 3 && r.Code.IsCompleted():
	default:
		in.chunking = chunksBad
		return false, unexpected(r)
	}
	return false, nil
}

// ChunkingSafe reports what this session has learned of the server: true when it swallows a refused chunk,
// false when it does not, and known as false when neither was seen.
func (c *Conn) ChunkingSafe() (safe, known bool) {
	chunking := c.wire.lock().chunking
	c.wire.unlock()
	return chunking == chunksProven, chunking == chunksProven || chunking == chunksBad
}
