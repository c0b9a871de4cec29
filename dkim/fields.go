package dkim

import (
	"errors"
	"slices"
	"strings"
)

// Fields that are signed. Each is oversigned: it is listed once more than it occurs, so that a field of its
// name that is added later breaks the signature.
var (
	// guarded are signed also when a mail does not have them: what is shown of a mail, and where an answer
	// goes, cannot be added.
	guarded = []string{"From", "To", "Cc", "Subject", "Reply-To"}
	// present are signed when a mail has them, because servers on the way may add one that is missing
	// (RFC 6409 section 8), and lists add fields of their own.
	present = []string{
		"Sender", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type",
		"Content-Transfer-Encoding", "Content-Disposition", "Content-ID", "Content-Description", "Content-Language",
		"List-ID", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner",
		"List-Archive", "Feedback-ID", "Auto-Submitted", "Disposition-Notification-To", "Autocrypt", "OpenPGP",
	}
	// traces change on the way by design (RFC 6376 section 5.4.1), or are signatures themselves.
	traces = []string{
		"Return-Path", "Received", "Delivered-To", "DKIM-Signature", "Authentication-Results", "Bcc",
		"ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results",
	}
	// oneClick must be signed, or providers do not offer one-click unsubscription (RFC 8058 section 4).
	oneClick = []string{"List-Unsubscribe", "List-Unsubscribe-Post"}
)

func listed(list []string, name string) bool {
	return slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(name, other) })
}

// checkExtra returns why a field cannot be signed in addition.
func checkExtra(name string) error {
	switch {
	case !isName(name) || strings.Contains(name, ";"):
		return errors.New("this is not the name of a header field")
	case listed(traces, name):
		return errors.New("servers change this field on the way; leave it unsigned")
	case listed(guarded, name) || listed(present, name):
		return errors.New("this field is signed anyway; leave it out")
	}
	return nil
}

// checkExcept returns why a field cannot be left unsigned.
func checkExcept(name string) error {
	switch {
	case strings.EqualFold(name, "From"):
		return errors.New("this field must be signed (RFC 6376 section 5.4)")
	case listed(oneClick, name):
		return errors.New("one-click unsubscription works only when this field is signed (RFC 8058 section 4)")
	case !listed(guarded, name) && !listed(present, name):
		return errors.New("this field is not signed anyway")
	}
	return nil
}

// selection returns the names for the h= tag: each field as often as it occurs, and once more.
func selection(fields []field, guarded, present []string) []string {
	names := make([]string, 0, 2*len(guarded)+2*len(present))
	for _, name := range guarded {
		for range count(fields, name) + 1 {
			names = append(names, name)
		}
	}
	for _, name := range present {
		if n := count(fields, name); n > 0 {
			for range n + 1 {
				names = append(names, name)
			}
		}
	}
	return names
}

func count(fields []field, name string) (n int) {
	for _, f := range fields {
		if f.is(name) {
			n++
		}
	}
	return n
}
