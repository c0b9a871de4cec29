package preview_test

import (
	"fmt"
	"image"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/chromium"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/transport"
)

// canary is a server that the page may not ask. A connection counts too: a preconnect asks nothing.
type canary struct {
	*httptest.Server

	once sync.Once
	sang chan struct{} // closed when a connection came
	mu   sync.Mutex
	who  []string
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{sang: make(chan struct{})}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.sing(r.Method + " " + r.URL.Path)
	}))
	c.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.sing("a connection")
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *canary) sing(who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who = append(c.who, who)
	c.once.Do(func() { close(c.sang) })
}

func (c *canary) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.who
}

// stranger makes a mail of an attack, which can be anywhere in it.
func stranger(t *testing.T, a attack, text string) transport.Mail {
	t.Helper()
	var from envelope.Address
	to, err := envelope.ParseAddress("hei@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	subject, name, body, file := "x", "x", "<p>x</p>", "x"
	switch a.place {
	case inHTML:
		body = text
	case inSubject:
		subject = text
	case inName:
		name = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	case inFile:
		file = text
	}
	return transport.Raw(env, []byte(strings.ReplaceAll("Subject: "+subject+"\nContent-Type: multipart/mixed; boundary=m\n\n"+
		"--m\nContent-Type: text/html; charset=utf-8\n\n"+body+"\n"+
		"--m\nContent-Type: "+a.media()+"\nContent-Disposition: attachment; filename=\""+name+"\"\n\n"+file+"\n--m--\n", "\n", "\r\n")))
}

// bare serves an attack as a web site would that trusts what it shows, with a header of ours if there is one.
func bare(t *testing.T, a attack, text string, header http.Header) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" { // favicon.ico
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if a.place == inFile {
			w.Header().Set("Content-Type", a.media())
		}
		maps.Copy(w.Header(), header)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// frameHeader returns the header that the preview sends HTML with.
func frameHeader(t *testing.T) http.Header {
	t.Helper()
	response, err := http.Get(serve(t, stranger(t, attack{}, "")) + "html")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	header := http.Header{}
	header.Set("Content-Security-Policy", response.Header.Get("Content-Security-Policy"))
	header.Set("X-Dns-Prefetch-Control", response.Header.Get("X-Dns-Prefetch-Control"))
	return header
}

// clickCover clicks on what covers an area of a page, as soon as it feels the mouse.
func clickCover(t *testing.T, tab *chromium.Tab, area image.Rectangle) {
	t.Helper()
	at := image.Pt((area.Min.X+area.Max.X)/2, area.Min.Y+100)
	if _, _, ok := tab.Shows(t, func(shot image.Image) bool {
		if count(shot, teal, area) > 0 {
			return true
		}
		at.X ^= 1
		tab.Point(t, at)
		return false
	}); !ok {
		t.Fatal("nothing to click on")
	}
	tab.Press(t, at)
}

// otherTabs looks at an attack in every other way that its page has.
func otherTabs(t *testing.T, tab *chromium.Tab, a attack) *canary {
	t.Helper()
	c := newCanary(t)
	address := serve(t, stranger(t, a, strings.ReplaceAll(a.text, "CANARY", c.URL)))
	for _, view := range []string{"text", "code", "source", "header", "parts", "links", "checks"} {
		tab.Load(t, address+"?view="+view)
		var title string
		tab.Evaluate(t, "document.title", &title)
		if a.place != inSubject && title != "x" {
			t.Errorf("%s: the page is now %q", view, title)
		}
	}
	return c
}

// TestHostileMail tries each attack on the page of a mail, on its HTML or file by itself, and on HTML that is
// only protected by the header of ours. Then it tries it without any protection: only an attack that works
// there proves anything, and by then the others have had more time than it needed.
func TestHostileMail(t *testing.T) {
	browser, header := chromium.Start(t), frameHeader(t)
	page, byItself, withPolicy, unprotected := browser.Open(t), browser.Open(t), browser.Open(t), browser.Open(t)
	elsewhere := browser.Open(t)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			try := func(tab *chromium.Tab, address func(text string) string, covered func() image.Rectangle) *canary {
				c := newCanary(t)
				text := strings.ReplaceAll(a.text, "CANARY", c.URL)
				if a.click {
					text = coverStyle + text
				}
				tab.Load(t, address(text))
				if a.click {
					clickCover(t, tab, covered())
				}
				return c
			}
			frame := func() image.Rectangle { return page.Rect(t, "iframe") }
			window := func() image.Rectangle { return image.Rect(0, 0, 800, 200) }
			onPage := try(page, func(text string) string { return serve(t, stranger(t, a, text)) }, frame)
			tabs := otherTabs(t, elsewhere, a)
			alone := try(byItself, func(text string) string { return serve(t, stranger(t, a, text)) + a.alone() }, window)
			policyOnly := try(withPolicy, func(text string) string { return bare(t, a, text, header) }, window)
			naked := try(unprotected, func(text string) string { return bare(t, a, text, nil) }, window)
			select {
			case <-naked.sang:
			case <-time.After(time.Minute):
				t.Fatal("this attack does not work at all")
			}
			var title, where string
			page.Evaluate(t, "document.title", &title)
			page.Evaluate(t, "location.pathname", &where)
			if a.place != inSubject && title != "x" || !strings.HasPrefix(where, "/mail/") {
				t.Errorf("the page is now %q at %s", title, where)
			}
			if who := onPage.heard(); len(who) > 0 {
				t.Errorf("on its page: %v", who)
			}
			if who := tabs.heard(); len(who) > 0 {
				t.Errorf("on another tab of its page: %v", who)
			}
			if who := alone.heard(); len(who) > 0 {
				t.Errorf("by itself: %v", who)
			}
			if who := policyOnly.heard(); len(who) > 0 && !a.passesPolicy {
				t.Errorf("with our policy alone: %v", who)
			}
		})
	}
}

// foreign counts the elements of a page that a mail could use to act.
const foreign = `document.querySelectorAll("script, img, iframe, svg, form, style, object, embed, link, base, meta, math, video, audio").length`

// TestListOfHostileMail opens the list of mails whose subjects and authors are attacks, and of as many that are not, and one mail
// with the others beside it.
func TestListOfHostileMail(t *testing.T) {
	browser := chromium.Start(t)
	inbox, harmless, c := mailtest.New(), mailtest.New(), newCanary(t)
	for _, a := range attacks {
		a.place = inSubject
		text := strings.ReplaceAll(strings.ReplaceAll(a.text, "\n", " "), "CANARY", c.URL)
		if _, err := inbox.Send(t.Context(), stranger(t, a, text+"\nFrom: "+text)); err != nil {
			t.Fatal(err)
		}
		if _, err := harmless.Send(t.Context(), stranger(t, a, "harmless\nFrom: harmless")); err != nil {
			t.Fatal(err)
		}
	}
	show := func(inbox *mailtest.Inbox, path string) *chromium.Tab {
		server := httptest.NewServer(preview.New(inbox))
		t.Cleanup(func() {
			server.CloseClientConnections() // they wait for events
			server.Close()
		})
		tab := browser.Open(t)
		tab.Load(t, server.URL+path)
		return tab
	}
	tab, other := show(inbox, "/"), show(harmless, "/")
	control := newCanary(t)
	browser.Open(t).Load(t, bare(t, attack{}, "<img src="+control.URL+">", nil))
	select {
	case <-control.sang:
	case <-time.After(time.Minute):
		t.Fatal("the control does not work")
	}
	var title string
	var rows, found, ours int
	tab.Evaluate(t, "document.title", &title)
	tab.Evaluate(t, "document.querySelectorAll('.list a').length", &rows)
	tab.Evaluate(t, foreign, &found)
	other.Evaluate(t, foreign, &ours)
	if title != "Mail" || rows != len(attacks) || found != ours || len(c.heard()) > 0 {
		t.Errorf("title %q, %d rows, %d elements that could act, %d of them ours, canary %v", title, rows, found, ours, c.heard())
	}

	for _, b := range []*mailtest.Inbox{inbox, harmless} { // one that is the same in both
		if _, err := b.Send(t.Context(), stranger(t, attack{place: inSubject}, "the last\nFrom: nobody")); err != nil {
			t.Fatal(err)
		}
	}
	newest := func(b *mailtest.Inbox) string { return "/mail/" + b.Mails()[len(attacks)].ID() + "/" }
	tab, other = show(inbox, newest(inbox)), show(harmless, newest(harmless))
	tab.Evaluate(t, "document.title", &title)
	tab.Evaluate(t, "document.querySelectorAll('.beside a').length", &rows)
	tab.Evaluate(t, foreign, &found)
	other.Evaluate(t, foreign, &ours)
	if title != "the last" || rows != 21 || found != ours || len(c.heard()) > 0 {
		t.Errorf("title %q, %d rows beside it, %d elements that could act, %d of them ours, canary %v", title, rows, found, ours, c.heard())
	}
}
