package response_test

import (
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

func TestCodeDigits(t *testing.T) {
	c := response.AuthInvalid
	if c.Severity() != response.Permanent || c.Category() != 3 || c.Detail() != 5 || c.String() != "535" {
		t.Errorf("%v splits into %v, %v, %v", c, c.Severity(), c.Category(), c.Detail())
	}
	if response.OK.Category() != response.CategoryMailSystem || response.HelpMessage.Category() != response.CategoryInformation {
		t.Error("wrong category")
	}
	for code, want := range map[response.Code]string{
		response.OK: "completed", response.StartMailInput: "intermediate", response.LocalError: "transient",
		response.HostTakesNoMail: "permanent", 0: "unknown severity 0",
	} {
		if got := code.Severity().String(); got != want {
			t.Errorf("%v is %q", code, got)
		}
	}
}

func TestMeaning(t *testing.T) {
	for code, want := range map[response.Enhanced]string{
		{5, 1, 1}:   "no such mailbox",
		{2, 0, 0}:   "no further information",
		{4, 3, 6}:   "requested priority was changed",
		{5, 6, 7}:   "non-ASCII address is not permitted",
		{5, 7, 8}:   "wrong credentials",
		{5, 7, 13}:  "account is disabled",
		{5, 7, 15}:  "priority is too low",
		{5, 7, 20}:  "no valid DKIM signature",
		{5, 7, 26}:  "several authentication checks failed",
		{5, 7, 27}:  "sender's domain takes no mail (null MX)",
		{5, 7, 30}:  "REQUIRETLS cannot be kept up",
		{5, 1, 10}:  "recipient's domain takes no mail (null MX)",
		{5, 7, 999}: "security or policy problem",
		{5, 8, 1}:   "",
		{}:          "",
	} {
		if got := code.Meaning(); got != want {
			t.Errorf("%v means %q, want %q", code, got, want)
		}
	}
}
