package limit

import (
	"fmt"
)

// repliesOfMail are those of MAIL, RCPT and BDAT.
const repliesOfMail = 3

// Window sends mails in the form of BDAT, so many of which may be without a verdict. Another goroutine reads the replies: if
// none did, client and server could wait for each other.
func (c *Client) Window(mails, window int, source Source) error {
	ends := make(chan int, window) // how many mails have got their verdict
	failed := make(chan error, 1)
	go func() { failed <- c.count(mails, ends) }()
	open := 0
	wait := func(n int, ok bool) error {
		if !ok {
			return <-failed
		}
		open -= n
		return nil
	}
	for i := range mails {
		c.chunk(i, source)
		if open++; len(c.out) < bufferSize && open < window && i+1 < mails {
			continue
		}
		if err := c.flush(0); err != nil {
			_ = c.conn.Close()
			<-failed
			return err
		}
		for open == window || i+1 == mails && open > 0 {
			n, ok := <-ends
			if err := wait(n, ok); err != nil {
				return err
			}
		}
		for more := true; more; {
			select {
			case n, ok := <-ends:
				if err := wait(n, ok); err != nil {
					return err
				}
			default:
				more = false
			}
		}
	}
	return <-failed
}

// count reads the replies to mails, and sends how many more have their verdict after each read. It closes ends when it fails.
func (c *Client) count(mails int, ends chan<- int) error {
	replies := 0
	for left := mails * repliesOfMail; left > 0; {
		if _, err := c.replies.Peek(1); err != nil {
			close(ends)
			return err
		}
		text, _ := c.replies.Peek(c.replies.Buffered())
		used, lines, good := lines(text)
		if !good {
			close(ends)
			return fmt.Errorf("the server said %q", text[:used])
		}
		if used == 0 { // a part of a line
			if _, err := c.replies.Peek(len(text) + 1); err != nil {
				close(ends)
				return err
			}
			continue
		}
		_, _ = c.replies.Discard(used) // it is buffered
		left -= lines
		if replies += lines; replies >= repliesOfMail {
			ends <- replies / repliesOfMail
			replies %= repliesOfMail
		}
	}
	return nil
}

// lines counts the whole lines of text, each of which must be a reply that says yes.
func lines(text []byte) (used, lines int, good bool) {
	begins := true
	for i, c := range text {
		if begins && c != '2' {
			return i + 1, lines, false
		}
		if begins = c == '\n'; begins {
			used, lines = i+1, lines+1
		}
	}
	return used, lines, true
}
