package wiremodel

// verdict decides about a content that has come to its end, and ends the transaction. refusal is what a
// server that keeps the rules says when it has accepted no recipient.
func (s *session) verdict(data []byte, refusal int) {
	defer s.clear()
	if len(s.to) == 0 {
		s.unwanted(data, refusal)
		return
	}
	if !s.o.LMTP {
		code := s.step(Verdict, "", 250)
		s.keep(data, s.to, code)
		return
	}
	for _, to := range s.to {
		code := s.step(Verdict, to, 250)
		s.keep(data, []string{to}, code)
		s.finish()
	}
}

// unwanted is the end of a content for which no recipient was accepted. A server of LMTP need not reply to it,
// and some do.
func (s *session) unwanted(data []byte, refusal int) {
	if s.o.LMTP && (!s.modelled(Verdict) || s.o.Choices.Free(2) == 0) {
		return
	}
	code := s.step(Verdict, "", refusal)
	if code == 250 && len(data) > 0 && !s.garbled {
		s.keep(data, s.named, code)
	}
}

// keep stores a content for recipients when the verdict says so. Where it does not say, it is a choice.
func (s *session) keep(data []byte, to []string, code int) {
	switch {
	case code == 250:
	case code != 0 && code != 354:
		return
	case s.o.Choices != nil && s.o.Choices.Free(2) == 1:
		return
	}
	tag := s.o.Whole(string(data))
	for _, rcpt := range to {
		s.o.Ledger.store(Stored{Conn: s.conn, Tag: tag, Rcpt: rcpt, Data: string(data), Code: code})
	}
}
