package preview_test

import (
	"fmt"
	"image"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/chromium"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/message"
)

// pdf is a page with a few words.
const pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj " +
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj trailer<</Root 1 0 R>>"

// office fills an inbox with what an application sends: welcome, an order with files, a mail of a stranger, and reports.
func office(t *testing.T, reports int) *mailtest.Inbox {
	t.Helper()
	inbox := mailtest.New()
	from := func() message.Builder {
		return message.New().From("The shop <shop@example.org>").To("Hei <hei@example.org>")
	}
	var all []message.Builder
	for i := range reports {
		all = append(all, message.New().From(fmt.Sprintf("Reporter %d <r%d@example.net>", i, i)).To("hei@example.org").
			Subject(fmt.Sprintf("Report %d of the night", i)).Text(strings.Repeat("All went well. ", 20)))
	}
	all = append(all,
		from().Subject("Your order 2027-0042").Bcc("archive@example.org").
			Cc("Zoë Müller-Lüdenscheidt <zoe.mueller-luedenscheidt@a-rather-long-host-name.example.net>").Text("Thank you! The list is attached.\n").
			Attach(message.FileBytes("Bestellung für Hei.csv", []byte("tea;3"))).Attach(message.FileBytes("Rechnung.pdf", []byte(pdf))),
		from().Subject("A visitor wrote: <script>alert(1)</script>").
			HTML(`<p>This text shows.</p><script>x</script><img src="https://tracker.example.net/pixel.png"><form action="https://example.net/steal"><input> <button>Log in</button></form>`),
		from().Subject("Welcome to the shop").Text("Good to have you here.\n\nPlease confirm: https://shop.example.org/confirm?token=1\n").
			HTML(`<style>.card { background: #fff; color: #000 } @media (prefers-color-scheme: dark) { body, .card { background: #009688 !important; color: #fff } }</style>`+
				`<table width="100%" style="font-family: sans-serif"><tr><td align="center"><table class="card" width="480" style="max-width: 100%"><tr><td style="padding: 24px">`+
				`<img src="cid:logo" alt="The shop" width="96" height="96"><h1>Good to have you here</h1><p>Please <a href="https://shop.example.org/confirm?token=1">confirm your address</a>.</p></td></tr></table></td></tr></table>`).
			Inline("logo", message.FileBytes("logo.png", picture(t, pink))),
	)
	for _, builder := range all {
		mail, err := builder.Build()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inbox.Send(t.Context(), mail); err != nil {
			t.Fatal(err)
		}
	}
	return inbox
}

// site shows an inbox until the test ends.
func site(t *testing.T, config preview.Config) string {
	t.Helper()
	server := httptest.NewServer(config.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections() // pages wait for events
		server.Close()
	})
	return server.URL + "/"
}

// idOf returns the ID of the mail with a subject.
func idOf(t *testing.T, inbox *mailtest.Inbox, subject string) string {
	t.Helper()
	found := inbox.Mails(mailtest.Matching(subject, func(m *mailtest.Mail) bool { return strings.HasPrefix(m.View().Subject(), subject) }))
	if len(found) != 1 {
		t.Fatalf("%d mails begin with %q", len(found), subject)
	}
	return found[0].ID()
}

// looks are the pages that were looked at.
func looks(t *testing.T, inbox *mailtest.Inbox) map[string]string {
	welcome, order, visitor := "mail/"+idOf(t, inbox, "Welcome")+"/", "mail/"+idOf(t, inbox, "Your order")+"/", "mail/"+idOf(t, inbox, "A visitor")+"/"
	return map[string]string{
		"list": "", "second-page": "?page=1", "found": "?q=subject:report+-has:attachment", "nothing-found": "?q=nothing", "mail": welcome, "mail-dark": welcome + "?scheme=dark&width=phone",
		"text": welcome + "?view=text", "code": welcome + "?view=code", "source": welcome + "?view=source", "header": welcome + "?view=header", "order": order,
		"parts": order + "?view=parts", "images": welcome + "?view=parts", "links": welcome + "?view=links", "checks": visitor + "?view=checks",
	}
}

var widths = []int{400, 768, 1280}

// TestWidths loads each page at each width, light and dark. Nothing sticks out of the window, words are not broken into
// letters, and axe-core finds no violation. With DEPECHE_PICTURES=folder the pictures are kept.
func TestWidths(t *testing.T) {
	inbox := office(t, 120)
	root := site(t, preview.Config{Inbox: inbox, Release: mailtest.New(), ReleaseTo: "smtp://localhost:25"})
	axe := axeCore(t)
	tab := chromium.Start(t).Open(t)
	tab.BypassPolicy(t) // for axe alone, which is put into the page
	for name, path := range looks(t, inbox) {
		for _, width := range widths {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s-%d-%s", name, width, scheme), func(t *testing.T) {
					tab.Size(t, width, 800)
					tab.Scheme(t, scheme)
					tab.Load(t, root+path)
					var wide, broken int
					tab.Evaluate(t, `document.documentElement.scrollWidth`, &wide)
					if wide > width {
						t.Errorf("the page is %d pixels wide", wide)
					}
					tab.Evaluate(t, narrow, &broken)
					if broken != 0 {
						t.Errorf("%d texts are broken into a few letters a line", broken)
					}
					violations(t, tab, axe)
					if folder := os.Getenv("DEPECHE_PICTURES"); folder != "" {
						path := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
						if err := os.WriteFile(path, tab.Picture(t), 0o600); err != nil {
							t.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// narrow counts elements whose text has so many lines that each has fewer than six letters.
const narrow = `[...document.querySelectorAll("main *")].filter(e => {
	const words = [...e.childNodes].filter(n => n.nodeType === 3), text = words.map(n => n.data.trim()).join("");
	if (text.length < 12 || !e.checkVisibility() || e.closest("pre, .hidden")) return false;
	const lines = new Set(words.flatMap(n => {
		const range = document.createRange(); range.selectNodeContents(n);
		return [...range.getClientRects()].map(r => Math.round(r.top));
	})).size;
	return text.length / lines < 6;
}).length`

// TestSchemeOfMail shows a mail in the colours that it has for the dark, whatever the page has.
func TestSchemeOfMail(t *testing.T) {
	inbox := office(t, 0)
	root := site(t, preview.Config{Inbox: inbox}) + "mail/" + idOf(t, inbox, "Welcome") + "/"
	tab := chromium.Start(t).Open(t)
	for _, page := range []string{"light", "dark"} {
		for _, mail := range []string{"light", "dark"} {
			tab.Scheme(t, page)
			tab.Load(t, root+"?scheme="+mail)
			frame := tab.Rect(t, "iframe")
			_, _, ok := tab.Shows(t, func(shot image.Image) bool {
				return count(shot, pink, frame) > 0 && (count(shot, teal, frame) > 1000) == (mail == "dark")
			})
			if !ok {
				t.Errorf("page %s, mail %s", page, mail)
			}
		}
	}
}

// TestKeyboard does everything by keys alone.
func TestKeyboard(t *testing.T) {
	inbox := office(t, 60)
	root := site(t, preview.Config{Inbox: inbox})
	tab := chromium.Start(t).Open(t)
	tab.Load(t, root)
	focused := func(text string) {
		t.Helper()
		tab.Until(t, fmt.Sprintf(`document.activeElement.innerText.includes(%q)`, text))
	}
	tab.Key(t, "j")
	focused("Welcome")
	tab.Key(t, "j", "j", "k")
	focused("A visitor wrote")
	tab.Key(t, "Enter")
	tab.Until(t, `document.readyState === "complete" && document.querySelector("h1").innerText.startsWith("A visitor wrote")`)
	tab.Key(t, "j") // the older one
	tab.Until(t, `document.readyState === "complete" && document.querySelector("h1").innerText.startsWith("Your order")`)
	tab.Key(t, "4") // text, source, header, parts
	tab.Until(t, `document.readyState === "complete" && !!document.querySelector(".parts")`)
	tab.Key(t, "#")
	tab.Until(t, `document.readyState === "complete" && document.body.dataset.page === "list"`)
	if n := len(inbox.Mails()); n != 62 {
		t.Errorf("%d mails after one was deleted", n)
	}
	tab.Key(t, "/")
	tab.Type(t, "subject:report")
	tab.Key(t, "Enter")
	tab.Until(t, `document.readyState === "complete" && document.querySelector("#status").innerText === "60 mails of 62 found"`)
	tab.Key(t, "j", "x", "j", "x", "#")
	tab.Until(t, `document.readyState === "complete" && document.querySelector("#status").innerText === "58 mails of 60 found"`)
	tab.Key(t, "?")
	tab.Until(t, `document.querySelector("#help").open`)
	tab.Key(t, "Escape")
	tab.Until(t, `!document.querySelector("#help").open`)
	// By Tab and Enter alone: the confirmation and its button.
	tab.Evaluate(t, `document.querySelector(".confirm summary").focus()`, nil)
	tab.Key(t, "Enter", "Tab")
	focused("Yes, delete 58 mails")
	tab.Key(t, "Enter")
	tab.Until(t, `document.readyState === "complete" && document.querySelector("#status").innerText.startsWith("2 mails")`)
}

// TestArrival shows a mail as soon as it comes, with what a person was doing kept.
func TestArrival(t *testing.T) {
	inbox := office(t, 3)
	tab := chromium.Start(t).Open(t)
	tab.Load(t, site(t, preview.Config{Inbox: inbox}))
	tab.Key(t, "j", "j", "x")
	mail, err := message.New().From("a@example.org").To("b@example.org").Subject("Just now").Text("x").Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.Send(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	tab.Until(t, `document.querySelector(".list li .subject").innerText === "Just now"`)
	tab.Until(t, `document.querySelector("#status").innerText === "7 mails, 7 unread"`)
	tab.Until(t, `document.querySelector(".list input:checked").closest("li").innerText.includes("A visitor wrote")`)
	tab.Until(t, `document.activeElement.innerText.includes("A visitor wrote")`)
	inbox.Delete(inbox.Mails()[6].ID())
	tab.Until(t, `document.querySelectorAll(".list li").length === 6`)
}

// TestWithoutScript searches, opens, deletes and clears where scripts do not run.
func TestWithoutScript(t *testing.T) {
	inbox := office(t, 60)
	root := site(t, preview.Config{Inbox: inbox})
	tab := chromium.Start(t).Open(t)
	tab.Scripts(t, false)
	tab.Load(t, root)
	tab.Click(t, `input[type=search]`)
	tab.Type(t, "subject:order")
	tab.Key(t, "Enter")
	tab.Until(t, `document.querySelector("#status").innerText === "1 mail of 63 found"`)
	tab.Click(t, `.list a`)
	tab.Until(t, `document.body.dataset.page === "mail" && document.querySelector("h1").innerText.startsWith("Your order")`)
	tab.Click(t, `.tabs a[href="?view=parts"]`)
	tab.Until(t, `!!document.querySelector(".parts")`)
	tab.Click(t, `#delete button`)
	tab.Until(t, `document.body.dataset.page === "list" && document.querySelector("#status").innerText === "62 mails, 62 unread"`)
	tab.Click(t, `.list input`)
	tab.Click(t, `button[form=chosen]`)
	tab.Until(t, `document.querySelector("#status").innerText === "61 mails, 61 unread"`)
	tab.Click(t, `a[rel=next]`)
	tab.Until(t, `document.querySelector(".actions nav").innerText.includes("51–61 of 61")`)
	tab.Click(t, `.confirm summary`)
	tab.Click(t, `.confirm button`)
	tab.Until(t, `document.querySelector(".empty").innerText.includes("Nothing has been sent yet")`)
}
