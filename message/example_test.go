package message_test

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
)

// steady makes the examples print the same octets each time. Programs leave these steps out.
func steady(b message.Builder) message.Builder {
	return b.Date(time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)).Random(&counting{})
}

// show prints a message with the line ends of the terminal.
func show(m io.WriterTo) {
	var b strings.Builder
	if _, err := m.WriteTo(&b); err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(os.Stdout, strings.ReplaceAll(b.String(), "\r\n", "\n"))
}

func Example() {
	msg, err := steady(message.New()).
		From("NoBody <nobody@domain.tld>").ReplyTo("Yuin <yuin@domain.tld>").To("Hei <hei@domain.tld>").
		Subject("Happy new year").Text("Be happy!").
		Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: NoBody <nobody@domain.tld>
	// Reply-To: Yuin <yuin@domain.tld>
	// To: Hei <hei@domain.tld>
	// Subject: Happy new year
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@domain.tld>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// Be happy!
}

func Example_html() {
	msg, err := steady(message.New()).
		From("Zoë <zoe@example.org>").To("hei@example.org").Subject("Grüße an alle").
		Text("Grüße!\n").HTML("<p>Grüße!</p>\n").
		Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>
	// To: hei@example.org
	// Subject: =?utf-8?b?R3LDvMOfZQ==?= an alle
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// MIME-Version: 1.0
	// Content-Type: multipart/alternative; boundary="=_aebagbafaydqqcikbmga2dqpca"
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: quoted-printable
	//
	// Gr=C3=BC=C3=9Fe!
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/html; charset=utf-8
	// Content-Transfer-Encoding: quoted-printable
	//
	// <p>Gr=C3=BC=C3=9Fe!</p>
	//
	// --=_aebagbafaydqqcikbmga2dqpca--
}

func Example_inlineImage() {
	logo := []byte("\x89PNG\r\n\x1a\n...")
	msg, err := steady(message.New()).
		From("shop@example.org").To("hei@example.org").Subject("Your order").
		HTML(`<p><img src="cid:logo" alt="Shop"> Thank you!</p>`).
		Inline("logo", message.FileBytes("logo.png", logo)).
		Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: shop@example.org
	// To: hei@example.org
	// Subject: Your order
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// MIME-Version: 1.0
	// Content-Type: multipart/related; type="text/html";
	//  boundary="=_aebagbafaydqqcikbmga2dqpca"
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/html; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// <p><img src="cid:logo" alt="Shop"> Thank you!</p>
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: image/png
	// Content-Transfer-Encoding: base64
	// Content-Disposition: inline; filename=logo.png
	// Content-ID: <logo>
	//
	// iVBORw0KGgouLi4=
	// --=_aebagbafaydqqcikbmga2dqpca--
}

//go:embed testdata/attach
var attachments embed.FS

func Example_attachments() {
	msg, err := steady(message.New()).
		From("a@example.org").To("b@example.org").Subject("The plan").Text("See the attachments.").
		Attach(message.File(attachments, "testdata/attach/plan.csv").WithName("Plan für März.csv")).
		Attach(message.FileBytes("data.bin", []byte{1, 2, 3})).
		Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: a@example.org
	// To: b@example.org
	// Subject: The plan
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// MIME-Version: 1.0
	// Content-Type: multipart/mixed; boundary="=_aebagbafaydqqcikbmga2dqpca"
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// See the attachments.
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/csv; charset=utf-8
	// Content-Transfer-Encoding: base64
	// Content-Disposition: attachment;
	//  filename*=utf-8''Plan%20f%C3%BCr%20M%C3%A4rz.csv
	//
	// ZGF5LHRvcGljCjEscGxhbm5pbmcK
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: application/octet-stream
	// Content-Transfer-Encoding: base64
	// Content-Disposition: attachment; filename=data.bin
	//
	// AQID
	// --=_aebagbafaydqqcikbmga2dqpca--
}

func ExampleBuilder_Calendar() {
	const ics = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\n" +
		"UID:1@example.org\nDTSTAMP:20260301T123000Z\nDTSTART:20260302T090000Z\nSUMMARY:Planning\n" +
		"ORGANIZER:mailto:a@example.org\nATTENDEE:mailto:b@example.org\nEND:VEVENT\nEND:VCALENDAR\n"
	msg, err := steady(message.New()).
		From("a@example.org").To("b@example.org").Subject("Planning").
		Text("Monday at nine.").Calendar("REQUEST", ics).
		Build()
	if err != nil {
		log.Fatal(err)
	}
	show(msg)
	// Output:
	// From: a@example.org
	// To: b@example.org
	// Subject: Planning
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// MIME-Version: 1.0
	// Content-Type: multipart/alternative; boundary="=_aebagbafaydqqcikbmga2dqpca"
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// Monday at nine.
	//
	// --=_aebagbafaydqqcikbmga2dqpca
	// Content-Type: text/calendar; charset=us-ascii; method=REQUEST
	// Content-Transfer-Encoding: 7bit
	//
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// PRODID:-//example//EN
	// METHOD:REQUEST
	// BEGIN:VEVENT
	// UID:1@example.org
	// DTSTAMP:20260301T123000Z
	// DTSTART:20260302T090000Z
	// SUMMARY:Planning
	// ORGANIZER:mailto:a@example.org
	// ATTENDEE:mailto:b@example.org
	// END:VEVENT
	// END:VCALENDAR
	//
	// --=_aebagbafaydqqcikbmga2dqpca--
}

// A template is cloned for each subscriber: a forgotten Clone is an error of Build, never mail to the
// wrong person.
func ExampleBuilder_Clone() {
	template := message.New().
		From("News <news@example.org>").Subject("The news of March").
		List(message.ListHeaders{Name: "News", ID: "news.example.org"}).AutoSubmitted(message.AutoGenerated)
	for _, name := range []string{"hei", "yuin"} {
		address, err := envelope.NewAddress(name, "example.org")
		if err != nil {
			log.Fatal(err)
		}
		msg, err := steady(template.Clone()).
			ToMailbox(message.Mailbox{Name: name, Address: address}).
			ListUnsubscribeOneClick("https://example.org/leave?u="+name, "mailto:leave@example.org").
			Text("Dear " + name + ", there are none.").
			Build()
		if err != nil {
			log.Fatal(err)
		}
		show(msg)
	}
	// Output:
	// From: News <news@example.org>
	// To: hei <hei@example.org>
	// Subject: The news of March
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// List-Id: News <news.example.org>
	// Auto-Submitted: auto-generated
	// List-Unsubscribe: <https://example.org/leave?u=hei>,
	//  <mailto:leave@example.org>
	// List-Unsubscribe-Post: List-Unsubscribe=One-Click
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// Dear hei, there are none.
	// From: News <news@example.org>
	// To: yuin <yuin@example.org>
	// Subject: The news of March
	// Date: Sun, 1 Mar 2026 12:30:00 +0000
	// Message-ID: <aaaqeayeaudaocajbifqydiob4@example.org>
	// List-Id: News <news.example.org>
	// Auto-Submitted: auto-generated
	// List-Unsubscribe: <https://example.org/leave?u=yuin>,
	//  <mailto:leave@example.org>
	// List-Unsubscribe-Post: List-Unsubscribe=One-Click
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=us-ascii
	// Content-Transfer-Encoding: 7bit
	//
	// Dear yuin, there are none.
}

// What a user typed into a form: the name may be any text, and a faulty address is an error of Build.
func ExampleNewMailbox() {
	for _, typed := range [][2]string{{"Jörg, Dr.", "joerg@example.org"}, {"Hei", "hei at example.org"}} {
		_, err := message.New().From("shop@example.org").ToMailbox(message.NewMailbox(typed[0], typed[1])).Text("Hello\n").Build()
		var fault *message.FieldError
		fmt.Println(errors.As(err, &fault))
	}
	// Output:
	// false
	// true
}

func ExampleAddressList() {
	list, err := message.ParseAddressList("Hei <hei@example.org>, Friends: yuin@example.org, a@example.org;")
	fmt.Println(len(list.Mailboxes()), list.Groups()[0].Name, err)
	fmt.Println(list)
	// Output:
	// 3 Friends <nil>
	// Hei <hei@example.org>, Friends: yuin@example.org, a@example.org;
}

func ExampleListHeaders() {
	m, err := message.New().From("news@example.org").To("hei@example.com").Subject("May").Text("News.\n").
		List(message.ListHeaders{ID: "news.example.org", Name: "News", Help: []string{"https://example.org/help"}}).
		ListUnsubscribeOneClick("https://example.org/leave?u=4711").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post"} {
		fmt.Println(name+":", m.Header(name))
	}
	// Output:
	// List-Id: News <news.example.org>
	// List-Help: <https://example.org/help>
	// List-Unsubscribe: <https://example.org/leave?u=4711>
	// List-Unsubscribe-Post: List-Unsubscribe=One-Click
}

// One message for two relays, of which one wants a field of its own.
func ExampleMessage_WithHeader() {
	m, err := message.New().From("app@example.org").To("hei@example.com").Subject("Receipt").Text("Thank you.\n").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	tagged, err := m.WithHeader("X-Tag", "receipts")
	fmt.Println(tagged.Header("X-Tag"), m.Header("X-Tag") == "", tagged.Subject(), err)
	// Output: receipts true Receipt <nil>
}

// A report to the sender of a message that could not be delivered, from the null path.
func ExampleDeliveryReport() {
	to, err := envelope.ParseAddress("gone@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := message.New().From("mailer-daemon@example.com").To("app@example.org").BounceTo("<>").Subject("Undelivered").
		Body(message.DeliveryReport(message.Plain("No such user.\n"), message.DeliveryStatus{
			ReportingMTA: "mx.example.com",
			Recipients:   []message.RecipientStatus{{Final: to, Action: message.ActionFailed, Status: "5.1.1"}},
		}, nil)).Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Envelope())
	// Output: <> > app@example.org
}

// Files of the system by their path, from a folder that they cannot leave, and from memory.
func ExamplePart() {
	parts := []message.Part{
		message.Path("/var/invoices/7.pdf"),
		message.File(os.DirFS("/var/invoices"), "7.pdf"),
		message.FileBytes("7.csv", []byte("a;b\n")).WithType("text/csv; charset=utf-8"),
	}
	for _, p := range parts {
		fmt.Println(p.Name())
	}
	// Output:
	// 7.pdf
	// 7.pdf
	// 7.csv
}

// A newsletter whose fixed parts are encoded once, for all readers.
func ExampleTextBuilder() {
	top := message.NewFixedText("<h1>November</h1>\n<p>What all readers see.</p>\n<p>Dear ")
	foot := message.NewFixedText(",</p>\n<p>good bye.</p>\n")
	for _, name := range []string{"Zoë", "Hei"} {
		var page message.TextBuilder
		page.WriteFixed(top)
		_, _ = page.WriteString(name) // it never fails
		page.WriteFixed(foot)
		m, err := message.New().From("news@example.org").To("b@example.com").HTMLPart(page.Part("text/html")).Build()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Envelope(), len(page.String()))
	}
	// Output:
	// news@example.org > b@example.com 82
	// news@example.org > b@example.com 81
}
