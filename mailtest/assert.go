package mailtest

import (
	"context"
	"testing"
	"time"
)

// AwaitTimeout is how long Await waits.
const AwaitTimeout = 10 * time.Second

// AssertSent returns the first mail with all of the matches. It ends the test when there is none; for mail
// that is sent in the background see [Inbox.Await].
func (b *Inbox) AssertSent(t testing.TB, want ...Match) *Mail {
	t.Helper()
	mustAsk(t, want)
	if found := b.Mails(want...); len(found) > 0 {
		return found[0]
	}
	t.Fatalf("no mail where %s; %s", All(want...), faults(b.Mails(), All(want...)))
	return nil
}

// Await returns the first mail with all of the matches, and waits for it if need be. It ends the test when
// there is none after AwaitTimeout.
func (b *Inbox) Await(t testing.TB, want ...Match) *Mail {
	t.Helper()
	mustAsk(t, want)
	ctx, cancel := context.WithTimeout(t.Context(), AwaitTimeout)
	defer cancel()
	mail, err := b.WaitFor(ctx, want...)
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

// AssertNotSent fails the test when there is a mail with all of the matches. It cannot know what will be
// sent later.
func (b *Inbox) AssertNotSent(t testing.TB, want ...Match) {
	t.Helper()
	b.AssertCount(t, 0, want...)
}

// AssertNothingSent fails the test when there is a mail.
func (b *Inbox) AssertNothingSent(t testing.TB) {
	t.Helper()
	b.AssertCount(t, 0)
}

// AssertCount fails the test when the number of mails with all of the matches is another.
func (b *Inbox) AssertCount(t testing.TB, count int, want ...Match) {
	t.Helper()
	mustAsk(t, want)
	if found := b.Mails(want...); len(found) != count {
		t.Errorf("%d mails where %s, want %d; %s", len(found), All(want...), count, faults(b.Mails(), All(want...)))
	}
}

// mustAsk ends the test when a match can't be asked: no mail would match it, whatever was sent.
func mustAsk(t testing.TB, want []Match) {
	t.Helper()
	if err := errOf(want...); err != nil {
		t.Fatalf("mailtest: %v", err)
	}
}

// Assert fails the test with each of the matches that the mail does not have, and goes on.
func (m *Mail) Assert(t testing.TB, want ...Match) {
	t.Helper()
	for _, match := range want {
		if fault := match.Mismatch(m); fault != "" {
			t.Errorf("mail %s: want %s: %s", m, match, fault)
		}
	}
}
