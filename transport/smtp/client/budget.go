package client

// budget counts what a server counts: refused commands since it took the last mail. Postfix 3.7 answers late from the
// 10th on (smtpd_soft_error_limit) and hangs up at the 20th; Exim 4.96 hangs up after about as many.
type budget struct {
	errors int
	mails  int // in a row, of which no recipient was accepted
}

// carefulAfter is after how many refused mails in a row the content waits for the replies to RCPT. Where DATA or BDAT
// travels in the flight of a RCPT that is refused, it is refused too: one dead address costs two errors.
const carefulAfter = 2

// careful reports whether the next mail asks for its recipients before it goes on.
func (b *budget) careful() bool { return b.mails >= carefulAfter }

// add takes the end of a transaction into account.
func (b *budget) add(h *heard) {
	switch {
	case h.contentAccepted:
		*b = budget{}
		return
	case h.accepted > 0:
		b.mails = 0
	case h.errors > 0:
		b.mails++
	}
	b.errors += h.errors
}

// ErrorsInRow returns how many commands of mails, and a probe before the login, the server has refused since it took a
// mail. Servers slow down and hang up
// on a client that makes too many: Postfix from the 10th on.
func (c *Conn) ErrorsInRow() int { return c.budget.errors }
