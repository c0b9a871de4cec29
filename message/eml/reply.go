package eml

import (
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
	"github.com/depeche-mail/depeche/message"
)

// Reply returns a message from one of the recipients to whom the author wants replies to go, in the
// same thread and with the same subject. The answer to a mail of one's own goes to its recipients. It has no text
// yet; see [Message.Quoted].
func (m *Message) Reply(from message.Mailbox) message.Builder {
	to, _ := m.answered(from)
	return message.New().FromMailbox(from).ToMailbox(to...).
		Subject(prefixed("Re:", m.Subject(), isReplyPrefix)).InReplyTo(m)
}

// ReplyAll returns a reply that goes to all other recipients too, but not to from. Addresses that differ in case only
// count as one.
func (m *Message) ReplyAll(from message.Mailbox) message.Builder {
	to, cc := m.answered(from)
	seen := append([]message.Mailbox{from}, to...)
	var others []message.Mailbox
	known := map[string]bool{}
	for _, s := range seen {
		known[strings.ToLower(s.Address.String())] = true
	}
	for _, other := range cc {
		key := strings.ToLower(other.Address.String())
		if !known[key] {
			known[key] = true
			others = append(others, other)
		}
	}
	return m.Reply(from).CcMailbox(others...)
}

// answered returns whom a reply goes to, and who else was told.
func (m *Message) answered(from message.Mailbox) (to, others []message.Mailbox) {
	to, _ = m.ReplyTo() // those that can be read; the caller of From learns of the others
	listed, _ := m.To()
	copied, _ := m.Cc()
	if isOwn(to, from) {
		if own := listed.Mailboxes(); len(own) > 0 {
			return own, copied.Mailboxes()
		}
	}
	return to, slices.Concat(listed.Mailboxes(), copied.Mailboxes())
}

// Prefixes of subjects that mail programs in several languages write.
var (
	replyPrefixes   = prefixSet("re aw antw antwort sv vs ref rif r res odp ynt vá 回复 答复 回覆 απ ответ תגובה رد")
	forwardPrefixes = prefixSet("fwd fw wg tr enc rv doorst vb vl i pd ilt 转发 轉寄 πρθ הועבר إعادة")
)

func prefixSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

func isReplyPrefix(word string) bool   { return replyPrefixes[word] }
func isForwardPrefix(word string) bool { return forwardPrefixes[word] }

// prefixed returns a subject with a prefix, unless it has one of the kind already, in whichever language.
func prefixed(prefix, subject string, isPrefix func(string) bool) string {
	subject = strings.TrimSpace(mimewire.CleanText(subject))
	word, _, ok := strings.Cut(subject, ":")
	if !ok {
		word, _, ok = strings.Cut(subject, "：") // the full-width colon of Chinese programs
	}
	word = strings.ToLower(strings.TrimSpace(word))
	if at := strings.IndexAny(word, "[(^*"); at > 0 { // Re[2]:
		word = word[:at]
	}
	switch {
	case ok && isPrefix(word):
		return subject
	case subject == "":
		return prefix
	}
	return prefix + " " + subject
}
