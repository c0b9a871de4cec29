package client

import (
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

// TestWindowSize: a window doubles with success up to what the caller allows, and halves without it. It looks inside,
// because a server sees only what its answers allow.
func TestWindowSize(t *testing.T) {
	w := window{open: 1, max: 10}
	var got []int
	for range 5 {
		w.grow()
		got = append(got, w.open)
	}
	for range 5 {
		w.shrink()
		got = append(got, w.open)
	}
	if diff := cmp.Diff([]int{2, 4, 8, 10, 10, 5, 2, 1, 1, 1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRefusalOf: 552 to RCPT that means too many recipients is for now, also 552 5.5.3; all other 5yz are for good.
func TestRefusalOf(t *testing.T) {
	for name, tc := range map[string]struct {
		reply response.Response
		want  Outcome
	}{
		"450":       {response.Response{Code: 450}, Deferred},
		"550":       {response.Response{Code: 550}, Rejected},
		"552 5.5.3": {response.Response{Code: 552, Enhanced: response.Enhanced{Class: 5, Subject: 5, Detail: 3}}, Deferred},
		"552 5.2.2": {response.Response{Code: 552, Enhanced: response.Enhanced{Class: 5, Subject: 2, Detail: 2}}, Rejected},
	} {
		if got := refusalOf(tc.reply); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
