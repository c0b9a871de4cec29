package smtptest

import (
	"fmt"
	"strconv"
	"strings"
)

func (s *session) bdat() error {
	size, last, ok := readBdat(s.argument)
	if !ok {
		return s.plain(Bdat, reply(501, "5.5.4 syntax: BDAT octets [LAST]"))
	}
	if s.unanswered && !s.server.record.proofed() {
		s.violate(ChunkRule, "%d octets after an unanswered RCPT", size)
	}
	refuse, err := s.respond(Chunk, "")
	if err != nil {
		return err
	}
	if refuse != "" {
		// The octets stay where they are and become commands: what go-smtp's server did up to 0.24.
		s.unread += int(size)
		return nil
	}
	_, chunking := s.offered["CHUNKING"]
	if !s.open || s.broken || len(s.recipients) == 0 || !chunking {
		return s.refuseChunk(size)
	}
	first := s.message == nil
	s.start()
	s.server.record.update(func() { s.message.Chunks++ })
	c := &content{s: s, left: size, done: size == 0, lines: lineWatch{s: s, binary: strings.EqualFold(s.from.Params["BODY"], "BINARYMIME")}}
	if err := s.receive(c, first); err != nil || s.message == nil {
		return err
	}
	if last {
		return s.finish()
	}
	text, err := s.respond(Bdat, reply(250, fmt.Sprintf("2.0.0 %d octets", size)))
	if err == nil && !positive(text) {
		s.end()
		s.broken = true
	}
	return err
}

// refuseChunk swallows a chunk that has no place, so that it cannot be taken for commands.
func (s *session) refuseChunk(size int64) error {
	for size > 0 {
		piece, err := s.link.peek()
		if err != nil {
			return err
		}
		n := min(int64(len(piece)), size)
		s.link.take(int(n))
		size -= n
	}
	s.broken = true
	_, err := s.respondTo(Bdat, &answer{
		own:     reply(503, "5.5.1 no place for a chunk: MAIL, RCPT and no failed chunk must come before"),
		written: func(ok bool) { s.server.record.update(func() { s.server.record.proven = ok }) },
	})
	return err
}

func readBdat(argument string) (size int64, last, ok bool) {
	words := strings.Fields(argument)
	if len(words) == 0 || len(words) > 2 {
		return 0, false, false
	}
	if len(words) == 2 {
		if last = strings.EqualFold(words[1], "LAST"); !last {
			return 0, false, false
		}
	}
	size, err := strconv.ParseInt(words[0], 10, 64)
	return size, last, err == nil && size >= 0
}

func (r *recorder) proofed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proven
}
