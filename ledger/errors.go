package ledger

import (
	"errors"
	"fmt"
	"net"
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
	// ErrNotFound: the ledger has no entry for this key and recipient.
	ErrNotFound = errors.New("the ledger has no such entry")
	// ErrSecret: the ledger was made with another secret.
	ErrSecret = errors.New("the ledger was made with another secret")
)

// ErrBusy is the cause when another send of the same key is under way. It is temporary: a later send
// gets the outcome of that one.
var ErrBusy error = otherError("another send of this key is under way")

// ErrFenced is the error when the claim was taken over by another, or has ended. It is temporary, as ErrBusy is.
var ErrFenced error = otherError("the claim on this mail was taken over")

// otherError says that another send has the mail.
type otherError string

func (e otherError) Error() string { return string(e) }

// Temporary returns true.
func (otherError) Temporary() bool { return true }

// StoreError is the cause when a [Ledger] could not do its work, so that nothing was sent. errors.Is and errors.As see
// through it to the error of the ledger.
type StoreError struct{ Err error }

// Error is the error of the ledger.
func (e *StoreError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the ledger.
func (e *StoreError) Unwrap() error { return e.Err }

// Temporary reports whether the ledger may work again: a database that cannot be reached now may be there later. It
// is false if the error of the ledger has a method Temporary() bool that says so; one of package net is not asked,
// because it says that a refused connection is lasting.
func (e *StoreError) Temporary() bool {
	if _, ok := errors.AsType[net.Error](e.Err); ok {
		return true
	}
	var known interface{ Temporary() bool }
	return !errors.As(e.Err, &known) || known.Temporary()
}

// stored returns an error of a ledger as [Once] reports it.
func stored(err error) error {
	if errors.Is(err, ErrFenced) || errors.As(err, new(*StoreError)) {
		return err
	}
	return &StoreError{err}
}

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
