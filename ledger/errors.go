package ledger

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Causes of a [transport.SendError] of [Once], and errors of a [Ledger]. They are compared by errors.Is.
var (
	// ErrNoKey: the mail has no key, and its Message-ID is not the caller's.
	ErrNoKey = errors.New("the mail has no key: give it one by transport.WithKey, or set a Message-ID that is the same " +
		"when the program makes the mail again")
	// ErrKeyReused: the key was used for a mail with another sender or fingerprint.
	ErrKeyReused = errors.New("the key was used for another mail: its sender or fingerprint differs; nothing was sent")
	// ErrUnresolved: an earlier attempt may have delivered the mail.
	ErrUnresolved = errors.New("an earlier attempt wrote the whole mail and did not learn the verdict: look for the " +
		"Message-ID in the log of the relay and resolve the entry")
	// ErrFenced: the claim was taken over by another, or has ended.
	ErrFenced = errors.New("the claim on this mail was taken over")
	// ErrNotFound: the ledger has no entry for this key and recipient.
	ErrNotFound = errors.New("the ledger has no such entry")
)

// ErrBusy is the cause when another send of the same key is under way. It is temporary: a later send
// gets the outcome of that one.
var ErrBusy error = busyError{}

type busyError struct{}

func (busyError) Error() string   { return "another send of this key is under way" }
func (busyError) Temporary() bool { return true }

// MaxKey is the length of a key in octets at most.
const MaxKey = 512

// CheckKey says what is wrong with a key: it is UTF-8 text of 1 to [MaxKey] octets without control
// characters. No key at all is [ErrNoKey].
func CheckKey(key string) error {
	switch {
	case key == "":
		return ErrNoKey
	case len(key) > MaxKey:
		return fmt.Errorf("the key %.20q... has %d octets, at most %d are allowed", key, len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("the key %q is not UTF-8", key)
	case strings.ContainsFunc(key, unicode.IsControl):
		return fmt.Errorf("the key %q has a control character", key)
	}
	return nil
}
