package policy_test

import (
	"testing"

	"github.com/depeche-mail/depeche/envelope"
)

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func env(t *testing.T, to ...string) envelope.Envelope {
	t.Helper()
	var list []envelope.Address
	for _, s := range to {
		list = append(list, address(t, s))
	}
	e, err := envelope.New(address(t, "from@example.org"), list...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
