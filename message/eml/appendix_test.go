package eml_test

import (
	"strings"
	"testing"
	"time"
)

// TestAppendixA reads the messages of RFC 5322 appendix A that have structure to read, and writes them octet by octet.
func TestAppendixA(t *testing.T) {
	for name, tc := range map[string]struct {
		in, route, date, ids string
	}{
		"A.1.1": {
			"From: John Doe <jdoe@machine.example>\nTo: Mary Smith <mary@example.net>\nSubject: Saying Hello\nDate: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <1234@local.machine.example>\n\nThis is a message just to say hello.\nSo, \"Hello\".\n",
			"jdoe@machine.example > mary@example.net", "1997-11-21T15:55:06Z", "<1234@local.machine.example>",
		},
		"A.1.1 with Sender": {
			"From: John Doe <jdoe@machine.example>\nSender: Michael Jones <mjones@machine.example>\nTo: Mary Smith <mary@example.net>\nSubject: Saying Hello\nDate: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <1234@local.machine.example>\n\nThis is a message just to say hello.\nSo, \"Hello\".\n",
			"mjones@machine.example > mary@example.net", "1997-11-21T15:55:06Z", "<1234@local.machine.example>",
		},
		"A.1.2": {
			"From: \"Joe Q. Public\" <john.q.public@example.com>\nTo: Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>\nCc: <boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>\nDate: Tue, 1 Jul 2003 10:52:37 +0200\nMessage-ID: <5678.21-Nov-1997@example.com>\n\nHi everyone.\n",
			"john.q.public@example.com > mary@x.test jdoe@example.org one@y.test boss@nil.test sysservices@example.net", "2003-07-01T08:52:37Z", "<5678.21-Nov-1997@example.com>",
		},
		"A.1.3": {
			"From: Pete <pete@silly.example>\nTo: A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;\nCc: Undisclosed recipients:;\nDate: Thu, 13 Feb 1969 23:32:54 -0330\nMessage-ID: <testabcd.1234@silly.example>\n\nTesting.\n",
			"pete@silly.example > c@a.test joe@where.test jdoe@one.test", "1969-02-14T03:02:54Z", "<testabcd.1234@silly.example>",
		},
		"A.2": {
			"From: Mary Smith <mary@example.net>\nTo: John Doe <jdoe@machine.example>\nReply-To: \"Mary Smith: Personal Account\" <smith@home.example>\nSubject: Re: Saying Hello\nDate: Fri, 21 Nov 1997 10:01:10 -0600\nMessage-ID: <3456@example.net>\nIn-Reply-To: <1234@local.machine.example>\nReferences: <1234@local.machine.example>\n\nThis is a reply to your hello.\n",
			"mary@example.net > jdoe@machine.example", "1997-11-21T16:01:10Z", "<3456@example.net> <1234@local.machine.example>",
		},
		"A.3": {
			"Resent-From: Mary Smith <mary@example.net>\nResent-To: Jane Brown <j-brown@other.example>\nResent-Date: Mon, 24 Nov 1997 14:22:01 -0800\nResent-Message-ID: <78910@example.net>\nFrom: John Doe <jdoe@machine.example>\nTo: Mary Smith <mary@example.net>\nSubject: Saying Hello\nDate: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <1234@local.machine.example>\n\nThis is a message just to say hello.\nSo, \"Hello\".\n",
			"mary@example.net > j-brown@other.example", "1997-11-21T15:55:06Z", "<1234@local.machine.example>",
		},
		"A.5": {
			"From: Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>\nTo:A Group(Some people)\n     :Chris Jones <c@(Chris's host.)public.example>,\n         joe@example.org,\n  John <jdoe@one.test> (my dear friend); (the end of the group)\nCc:(Empty list)(start)Hidden recipients  :(no" + "body(that I know))  ;\nDate: Thu,\n      13\n        Feb\n          1969\n      23:32\n               -0330 (Newfoundland Time)\nMessage-ID:              <testabcd.1234@silly.test>\n\nTesting.\n",
			"pete@silly.test > c@public.example joe@example.org jdoe@one.test", "1969-02-14T03:02:00Z", "<testabcd.1234@silly.test>",
		},
		"A.6.1": {
			"From: Joe Q. Public <john.q.public@example.com>\nTo: Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example\nDate: Tue, 1 Jul 2003 10:52:37 +0200\nMessage-ID: <5678.21-Nov-1997@example.com>\n\nHi everyone.\n",
			"john.q.public@example.com > mary@example.net jdoe@test.example", "2003-07-01T08:52:37Z", "<5678.21-Nov-1997@example.com>",
		},
		"A.6.2": {
			"From: John Doe <jdoe@machine.example>\nTo: Mary Smith <mary@example.net>\nSubject: Saying Hello\nDate: 21 Nov 97 09:55:06 GMT\nMessage-ID: <1234@local.machine.example>\n\nThis is a message just to say hello.\nSo, \"Hello\".\n",
			"jdoe@machine.example > mary@example.net", "1997-11-21T09:55:06Z", "<1234@local.machine.example>",
		},
		"A.6.3": {
			"From  : John Doe <jdoe@machine(comment).  example>\nTo    : Mary Smith\n \n          <mary@example.net>\nSubject     : Saying Hello\nDate  : Fri, 21 Nov 1997 09(comment):   55  :  06 -0600\nMessage-ID  : <1234   @   local(blah)  .machine .example>\n\nThis is a message just to say hello.\nSo, \"Hello\".\n",
			"jdoe@machine.example > mary@example.net", "1997-11-21T15:55:06Z", "<1234@local.machine.example>",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.ReplaceAll(tc.in, "\n", "\r\n")
			m := parse(t, in)
			ids := strings.TrimSpace(m.MessageID() + " " + strings.Join(m.References(), " "))
			if got := route(m); got != tc.route || m.Date().UTC().Format(time.RFC3339) != tc.date || ids != tc.ids || len(m.Faults()) > 0 {
				t.Errorf("%s, %s, %s, %v; want %s, %s, %s", got, m.Date(), ids, m.Faults(), tc.route, tc.date, tc.ids)
			}
			if octets(t, m) != in || octets(t, m.WithCRLF()) != in {
				t.Errorf("written as %q", octets(t, m))
			}
		})
	}
}
