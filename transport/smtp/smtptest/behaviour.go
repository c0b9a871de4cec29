package smtptest

import (
	"strings"
	"sync"
)

// ChunksUnread returns a hook that answers BDAT without a recipient at once and leaves its octets where
// they are, so that they are run as commands: go-smtp's server did so up to 0.24. What was run is in
// [Session.Smuggled].
func ChunksUnread() Hook {
	refuse := Reply("502 5.5.1 Missing RCPT TO command.")
	return func(e Event) Action {
		if e.At == Chunk && e.Recipients == 0 {
			return refuse
		}
		return Action{}
	}
}

// Greylist returns a hook that answers 450 to the first RCPT for each pair of sender and recipient and
// lets the later ones pass. One hook has one memory.
func Greylist() Hook {
	var (
		mu   sync.Mutex
		seen = map[[2]string]bool{}
	)
	return func(e Event) Action {
		if e.At != Rcpt || !strings.HasPrefix(e.Reply, "2") {
			return Action{}
		}
		mu.Lock()
		defer mu.Unlock()
		pair := [2]string{e.From, e.Recipient}
		if seen[pair] {
			return Action{}
		}
		seen[pair] = true
		return Reply("450 4.7.1 greylisted, try later")
	}
}

// MessagesPerSession returns a hook that does something else at each MAIL after the n-th accepted one
// of its connection, such as Reply("421 4.7.0 enough").Then(Close()).
func MessagesPerSession(n int, do Action) Hook {
	return func(e Event) Action {
		if e.At == Mail && e.Transaction >= n {
			return do
		}
		return Action{}
	}
}

// RefuseRecipients returns a hook that answers RCPT by address, the way to write tables of recipients:
// {"full@example.org": "452 4.2.2 mailbox full"}. For LMTP at the end of the content see [Case].
func RefuseRecipients(replies map[string]string) Hook {
	return func(e Event) Action {
		if text, ok := replies[e.Recipient]; ok && e.At == Rcpt {
			return Reply(text)
		}
		return Action{}
	}
}

// ErrorLimit returns a hook that does something after the n-th reply of the 4yz or 5yz class on a
// connection, as real servers close then: Reply("421 4.7.0 too many errors").Then(Close()).
// It counts the replies that the server would give by itself or by hooks after it in the list.
func ErrorLimit(n int, do Action) Hook {
	var (
		mu     sync.Mutex
		errors = map[int]int{}
	)
	return func(e Event) Action {
		if !strings.HasPrefix(e.Reply, "4") && !strings.HasPrefix(e.Reply, "5") {
			return Action{}
		}
		mu.Lock()
		defer mu.Unlock()
		if errors[e.Session]++; errors[e.Session] > n {
			return do
		}
		return Action{}
	}
}
