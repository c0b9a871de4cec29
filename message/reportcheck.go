package message

import (
	"errors"
	"fmt"
	"strings"
)

// check returns what makes a delivery report say nothing or contradict itself (RFC 3464 sections 2.2 and 2.3): programs act
// on it.
func (s DeliveryStatus) check() error {
	switch {
	case s.ReportingMTA == "":
		return &FieldError{Field: "Reporting-MTA", Err: errors.New("a report names the server that made it (RFC 3464 section 2.2.2)")}
	case len(s.Recipients) == 0:
		return &FieldError{Field: "Recipients", Err: errors.New("a report is about at least one recipient (RFC 3464 section 2.1)")}
	}
	for i, r := range s.Recipients {
		if field, err := r.check(); err != nil {
			return &FieldError{Field: field, Index: i, Value: r.Status, Err: err}
		}
	}
	return nil
}

// classes are those of the status codes that go with an action (RFC 3463 section 2, RFC 3464 section 2.3.3). What
// was tried for too long failed with a temporary status.
var classes = map[Action]string{
	ActionFailed: "45", ActionDelayed: "4", ActionDelivered: "2", ActionRelayed: "2", ActionExpanded: "2",
}

func (r RecipientStatus) check() (field string, err error) {
	allowed, known := classes[r.Action]
	switch {
	case r.Final.IsNull():
		return "Final-Recipient", errors.New("required (RFC 3464 section 2.3.2)")
	case !known:
		return "Action", fmt.Errorf("want failed, delayed, delivered, relayed or expanded, not %q", r.Action)
	case !isStatus(r.Status):
		return "Status", errors.New("want a status code such as 5.1.1 (RFC 3463 section 2)")
	case !strings.Contains(allowed, r.Status[:1]):
		return "Status", fmt.Errorf("contradicts the action %s", r.Action)
	}
	return "", nil
}

// isStatus reports whether s is an enhanced status code.
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	for i, part := range parts {
		if part == "" || len(part) > 3 || strings.Trim(part, "0123456789") != "" || i == 0 && len(part) > 1 {
			return false
		}
	}
	return len(parts) == 3
}

// check returns what makes a receipt say nothing (RFC 8098 section 3.1).
func (d MDN) check() error {
	switch mode, kind, ok := strings.Cut(string(d.Disposition), ";"); {
	case d.Final.IsNull():
		return &FieldError{Field: "Final-Recipient", Err: errors.New("required (RFC 8098 section 3.2.4)")}
	case !ok || strings.TrimSpace(kind) == "" || !strings.Contains(mode, "/"):
		return &FieldError{Field: "Disposition", Value: string(d.Disposition), Err: errors.New("want one of the values of Disposition (RFC 8098 section 3.2.6)")}
	}
	return nil
}
