package eml_test

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"log"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
)

// steady makes the examples print the same octets each time. Programs leave these steps out.
func steady(b message.Builder) message.Builder {
	return b.Date(time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)).Random(&counting{})
}

func show(m io.WriterTo) {
	var b strings.Builder
	if _, err := m.WriteTo(&b); err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(os.Stdout, strings.ReplaceAll(b.String(), "\r\n", "\n"))
}

const received = "From: Hei <hei@example.org>\r\nTo: desk@example.org\r\nCc: yuin@example.org\r\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <2@example.org>\r\nReferences: <1@example.org>\r\n" +
	"Date: Sat, 28 Feb 2026 08:00:00 +0000\r\n\r\nAre you there?\r\n"

func ExampleMessage_ReplyAll() {
	question, err := eml.Parse(strings.NewReader(received))
	if err != nil {
		log.Fatal(err)
	}
	content, err := question.Content()
	if err != nil {
		log.Fatal(err)
	}
	desk, err := message.ParseMailbox("The Desk <desk@example.org>")
	if err != nil {
		log.Fatal(err)
	}
	msg, err := steady(question.ReplyAll(desk)).Text(eml.Quote(content.Text) + "\nYes.\n").Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: The Desk <desk@example.org>
	// To: Hei <hei@example.org>
	// Cc: yuin@example.org
	// Subject: Re: =?utf-8?b?R3LDvMOfZQ==?=
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// In-Reply-To: <2@example.org>
	// References: <1@example.org> <2@example.org>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// > Are you there?
	//
	// Yes.
}

func ExampleMessage_Forward() {
	question, err := eml.Parse(strings.NewReader(received))
	if err != nil {
		log.Fatal(err)
	}
	desk, err := message.ParseMailbox("The Desk <desk@example.org>")
	if err != nil {
		log.Fatal(err)
	}
	msg, err := steady(question.Forward(desk)).To("boss@example.org").Text("For you.").Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: The Desk <desk@example.org>
	// To: boss@example.org
	// Subject: Fwd: =?utf-8?b?R3LDvMOfZQ==?=
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// MIME-Version: 1.0
	// Content-Type: multipart/mixed; boundary="=_caireeyuculbogazdinryhi6d4"
	//
	// --=_caireeyuculbogazdinryhi6d4
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// For you.
	//
	// --=_caireeyuculbogazdinryhi6d4
	// Content-Type: message/rfc822
	// Content-Transfer-Encoding: 7bit
	// Content-Disposition: attachment
	//
	// From: Hei <hei@example.org>
	// To: desk@example.org
	// Cc: yuin@example.org
	// Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
	// Message-ID: <2@example.org>
	// References: <1@example.org>
	// Date: Sat, 28 Feb 2026 08:00:00 +0000
	//
	// Are you there?
	//
	// --=_caireeyuculbogazdinryhi6d4--
}

// What an answer quotes.
func ExampleQuote() {
	fmt.Print(eml.Quote("Are you coming?\n> I hope so.\n"))
	// Output:
	// > Are you coming?
	// >> I hope so.
}

func ExampleMessage_Content() {
	const bounce = "From: MAILER-DAEMON@mx.example.net\r\nTo: shop@example.com\r\nSubject: Undelivered\r\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\n\r\nSorry.\r\n" +
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n" +
		"Final-Recipient: rfc822; gone@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Your order\r\nMessage-ID: <1@example.com>\r\n\r\nThanks!\r\n--b--\r\n"
	mail, err := eml.Parse(strings.NewReader(bounce))
	if err != nil {
		log.Fatal(err)
	}
	content, err := mail.Content()
	if err != nil {
		log.Fatal(err)
	}
	for _, part := range content.Attachments {
		if part.Type() != "message/delivery-status" {
			continue
		}
		file, err := part.Open()
		if err != nil {
			log.Fatal(err)
		}
		status := textproto.NewReader(bufio.NewReader(file))
		for fields := range blocks(status) {
			if fields.Get("Action") == "failed" {
				fmt.Println(fields.Get("Final-Recipient"), fields.Get("Status"))
			}
		}
		_ = file.Close()
	}
	// Output:
	// rfc822; gone@example.net 5.1.1
}

// blocks yields the blocks of fields of a delivery report.
func blocks(r *textproto.Reader) iter.Seq[textproto.MIMEHeader] {
	return func(yield func(textproto.MIMEHeader) bool) {
		for {
			fields, err := r.ReadMIMEHeader()
			if len(fields) > 0 && !yield(fields) || err != nil {
				return
			}
		}
	}
}
