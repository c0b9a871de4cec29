package dkim

import (
	"bytes"
	"errors"
	"testing"
)

// TestAddedFields: a field beside those that the signature covers is not signed, and with another From it does not hold.
func TestAddedFields(t *testing.T) {
	for name, tc := range map[string]struct {
		h, added string
		subject  bool // all Subject fields are signed
		want     error
	}{
		"nothing":              {"From:Subject", "", true, nil},
		"another field":        {"From:Subject", "X-Other: 1\r\n", true, nil},
		"a subject":            {"From:Subject", "subject: y\r\n", false, nil},
		"a subject, guarded":   {"From:Subject:Subject", "subject: y\r\n", true, ErrFields},
		"an author":            {"From:Subject", "FROM: ceo@example.org\r\n", true, ErrFields},
		"an author, odd blank": {"From:Subject", "From : ceo@example.org\r\n", true, ErrFields},
		"no subject is signed": {"From", "", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := NewRecord(testKey)
			if err != nil {
				t.Fatal(err)
			}
			v := &Verifier{LookupTXT: lookupIn(map[string]string{"s._domainkey.example.org": record.String()})}
			found, err := v.Verify(t.Context(), bytes.NewReader(append([]byte(tc.added), made(t, testKey, "h="+tc.h)...)))
			if err != nil || len(found) != 1 {
				t.Fatalf("%v, %v", found, err)
			}
			if got := found[0].Err; !errors.Is(got, tc.want) || (got == nil) != (tc.want == nil) || found[0].Signs("Subject") != tc.subject {
				t.Errorf("%v, want %v; signs Subject: %v", got, tc.want, found[0].Signs("Subject"))
			}
		})
	}
}
