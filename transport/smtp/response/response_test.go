package response_test

import "testing"

// TestTooManyRecipients: 452, or 552 of old, unless an enhanced code says that it means something else; a bare 552 is a
// full mailbox or a message that is too big (RFC 5321 sections 4.2.2 and 4.5.3.1.10).
func TestTooManyRecipients(t *testing.T) {
	for line, want := range map[string]bool{
		"452 too many recipients": true, "452 4.5.3 too many recipients": true, "552 5.5.3 too many recipients": true,
		"452 4.3.1 disk full": false, "452 4.2.2 mailbox full": false, "552 mailbox full": false, "552 5.2.2 mailbox full": false,
		"550 5.5.3 too many recipients": false, "250 2.5.3 fine": false,
	} {
		replies, _, err := parseAll(line+"\r\n", len(line)+2)
		if err != nil || len(replies) != 1 || replies[0].TooManyRecipients() != want {
			t.Errorf("%s: %v, %v, want %v", line, replies, err, want)
		}
	}
}
