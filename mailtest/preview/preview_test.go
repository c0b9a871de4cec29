package preview_test

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var png = []byte("\x89PNG\r\n\x1a\nimage")

func newsletter(t *testing.T) transport.Mail {
	t.Helper()
	mail, err := message.New().
		From("Zoë <zoe@example.org>").To("Hei <hei@example.org>").Bcc("bcc@example.org").Subject("Grüße & mehr").
		Text("Plain <text>\n").
		HTML(`<p style="background: url('cid:logo%401')">Rich <img src="cid:logo@1"> <a href="https://example.org/?a&amp;b">there</a></p>`).
		Inline("logo@1", message.FileBytes("logo.png", png)).
		Attach(message.FileBytes("plan.pdf", []byte("%PDF-1.4")).WithName("Plan für 2027.pdf")).
		Build()
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

// raw makes a mail of text that nothing checks.
func raw(t *testing.T, content string) transport.Mail {
	t.Helper()
	mail := newsletter(t)
	return transport.Raw(mail.Envelope(), []byte(strings.ReplaceAll(content, "\n", "\r\n")))
}

// site is a preview of one mail.
type site struct {
	handler http.Handler
	mail    *mailtest.Mail
}

func open(t *testing.T, mail transport.Mail) site {
	t.Helper()
	inbox := mailtest.New()
	if _, err := inbox.Send(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	return site{preview.New(inbox), inbox.Mails()[0]}
}

// answer is what the handler said.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a path; that of the mail is before one that does not begin with a slash.
func (s site) get(path string) answer {
	if !strings.HasPrefix(path, "/") {
		path = "/mail/" + s.mail.ID() + "/" + path
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8025"+path, nil))
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// body returns what is at a path, which must be there.
func (s site) body(t *testing.T, path string) string {
	t.Helper()
	got := s.get(path)
	if got.status != http.StatusOK {
		t.Fatalf("%s: %d: %s", path, got.status, got.body)
	}
	return got.body
}

// elements returns all elements of a document, in order.
func elements(t *testing.T, document string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	var list []*html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode {
			list = append(list, node)
		}
	}
	return list
}

// attributes returns the values of an attribute in a document.
func attributes(t *testing.T, document, element, key string) []string {
	t.Helper()
	var values []string
	for _, node := range elements(t, document) {
		for _, a := range node.Attr {
			if node.Data == element && a.Key == key {
				values = append(values, a.Val)
			}
		}
	}
	return values
}

// shown returns the text of a document, in one line.
func shown(t *testing.T, document string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for node := range root.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "script" {
			text.WriteString(node.Data + " ")
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func TestPages(t *testing.T) {
	s := open(t, newsletter(t))
	list := s.body(t, "/")
	if !strings.Contains(shown(t, list), "Unread: Zoë to hei@example.org, bcc@example.org Grüße & mehr Plain <text> 1 file") {
		t.Error(shown(t, list))
	}
	if diff := cmp.Diff([]string{"./", "./", "mail/" + s.mail.ID() + "/"}, attributes(t, list, "a", "href")); diff != "" {
		t.Error(diff)
	}
	page := s.body(t, "")
	for _, want := range []string{
		"From Zoë <zoe@example.org>", "To Hei <hei@example.org> Bcc bcc@example.org envelope only",
		"Envelope <zoe@example.org> to <hei@example.org>, <bcc@example.org>",
		"Outcome Accepted here for 2 recipients", "Plan für 2027.pdf application/pdf, 8 B",
		"HTML Text HTML source Source Header Parts 2 Links 1 Checks 1",
	} {
		if !strings.Contains(shown(t, page), want) {
			t.Errorf("%q is not in %s", want, shown(t, page))
		}
	}
	if diff := cmp.Diff([]string{"html"}, attributes(t, page, "iframe", "src")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{""}, attributes(t, page, "iframe", "sandbox")); diff != "" {
		t.Error("the sandbox allows something, or is missing: " + diff)
	}
	frame := s.body(t, "html")
	if diff := cmp.Diff([]string{"part/0"}, attributes(t, frame, "img", "src")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"background: url('part/0')"}, attributes(t, frame, "p", "style")); diff != "" {
		t.Error(diff)
	}
	if s.body(t, "source") != s.mail.Source() || s.body(t, "mail.eml") != s.mail.Source() {
		t.Error("the source is not what was sent")
	}
	if s.body(t, "part/0") != string(png) || s.body(t, "part/1") != "%PDF-1.4" {
		t.Error("a part is not what was sent")
	}
	if !strings.Contains(s.body(t, "/style.css"), "iframe") {
		t.Error("no style")
	}
}

// TestTabs looks at a mail in each of its ways.
func TestTabs(t *testing.T) {
	s := open(t, newsletter(t))
	for path, want := range map[string]string{
		"?view=text":                          "Plain <text>",
		"?view=code":                          `<p style="background: url('cid:logo%401')">`,
		"?view=source":                        "All of it as plain text From:",
		"?view=header":                        "MIME-Version 1.0 ",
		"?view=parts":                         "PNG logo.png image/png, 13 B, inline, cid:logo@1 PDF Plan für 2027.pdf application/pdf, 8 B",
		"?view=links":                         "https://example.org/?a&b",
		"?view=checks":                        "missing-alt 1 image without alternative text",
		"?view=nothing":                       "Phone Tablet Full Light Dark",
		"?view=html&scheme=dark&width=tablet": "Phone Tablet Full Light Dark",
	} {
		if page := shown(t, s.body(t, path)); !strings.Contains(page, want) {
			t.Errorf("%s: %q is not in %s", path, want, page)
		}
	}
	if diff := cmp.Diff([]string{"tablet dark"}, attributes(t, s.body(t, "?scheme=dark&width=tablet"), "iframe", "class")); diff != "" {
		t.Error(diff)
	}
	parts := s.body(t, "?view=parts")
	if diff := cmp.Diff([]string{"part/0/view", "part/1/view"}, attributes(t, parts, "iframe", "src")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{""}, attributes(t, parts, "iframe", "sandbox")); diff != "" { // the PDF has it in its policy
		t.Error(diff)
	}
	links := s.body(t, "?view=links")
	if target := attributes(t, links, "a", "rel"); !slices.Contains(target, "noreferrer noopener") {
		t.Error(target)
	}
	plain := open(t, raw(t, "Subject: x\n\nhello"))
	if page := shown(t, plain.body(t, "")); !strings.Contains(page, "Text Source Header Parts Links Checks") || !strings.Contains(page, "hello") {
		t.Error(page)
	}
	if page := shown(t, plain.body(t, "?view=links")); !strings.Contains(page, "This mail has no links.") {
		t.Error(page)
	}
}

// TestLinksOfText lists what a mail without HTML links to, and as much of it as a page can bear.
func TestLinksOfText(t *testing.T) {
	s := open(t, raw(t, "Subject: x\n\nReset it here: https://example.org/reset?token=1&a=2. Or\n(http://example.org/help)\nnot javascript:alert(1)"))
	page := s.body(t, "?view=links")
	outside := slices.DeleteFunc(attributes(t, page, "a", "href"), func(link string) bool { return !strings.Contains(link, ":") })
	if diff := cmp.Diff([]string{"https://example.org/reset?token=1&a=2", "http://example.org/help"}, outside); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(shown(t, page), "Parts Links 2 Checks") {
		t.Error(shown(t, page))
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "https://example.org/%d\n", i)
	}
	if page := shown(t, open(t, raw(t, "Subject: x\n\n"+many.String())).body(t, "?view=links")); !strings.Contains(page, "Links 100 ") {
		t.Error(page)
	}
}

var anyHash = regexp.MustCompile(`'sha256-[^']{44}'`)

// TestHeaders holds what each kind of answer allows a browser to do.
func TestHeaders(t *testing.T) {
	const (
		page = "default-src 'none'; style-src 'self'; frame-src 'self'; script-src 'sha256-*'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
		view = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
		pdf  = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
		file = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
	)
	cases := map[string]struct{ path, policy, media, disposition, from string }{
		"list":   {"/", page, "text/html; charset=utf-8", "", "same-origin"},
		"mail":   {"", page, "text/html; charset=utf-8", "", "same-origin"},
		"frame":  {"html", view, "text/html; charset=utf-8", "", "same-origin"},
		"source": {"source", file, "text/plain; charset=utf-8", "", "same-origin"},
		"file":   {"mail.eml", file, "application/octet-stream", "attachment", "same-origin"},
		"image":  {"part/0", file, "image/png", "attachment", "cross-origin"},
		"part":   {"part/1", file, "application/octet-stream", "attachment", "same-origin"},
		"style":  {"/style.css", file, "text/css; charset=utf-8", "", "same-origin"},
		"look":   {"part/0/view", view, "text/html; charset=utf-8", "", "same-origin"},
		"PDF":    {"part/1/view", pdf, "application/pdf", "", "same-origin"},
		"JSON":   {"/api/mails", file, "application/json", "", "same-origin"},
		"none":   {"part/2", file, "text/plain; charset=utf-8", "", "same-origin"},
	}
	s := open(t, newsletter(t))
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := s.get(tc.path).header
			disposition, _, _ := strings.Cut(got.Get("Content-Disposition"), ";")
			want := map[string]string{
				"Content-Security-Policy": tc.policy, "Content-Type": tc.media, "Cross-Origin-Resource-Policy": tc.from,
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Dns-Prefetch-Control": "off",
				"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
			}
			for key, value := range want {
				if said := anyHash.ReplaceAllString(got.Get(key), "'sha256-*'"); said != value {
					t.Errorf("%s: %q, want %q", key, said, value)
				}
			}
			if disposition != tc.disposition {
				t.Errorf("disposition %q", disposition)
			}
		})
	}
}

func TestParts(t *testing.T) {
	cases := map[string]struct {
		header, content string // of the part, as a stranger wrote it
		media, name     string // as it is saved
	}{
		"HTML":              {`text/html; name=x.html`, "<script>", "application/octet-stream", "x.html"},
		"HTML as an image":  {`image/png; name=x.png`, "<html><script>", "application/octet-stream", "x.png"},
		"SVG":               {`image/svg+xml; name=x.svg`, "<svg xmlns='http://www.w3.org/2000/svg'/>", "application/octet-stream", "x.svg"},
		"an image as HTML":  {`text/html; name=x`, "GIF89a<script>", "image/gif", "x"},
		"JPEG":              {`image/jpeg; name=x`, "\xff\xd8\xff", "image/jpeg", "x"},
		"no name":           {`image/webp`, "RIFF0000WEBPVP", "image/webp", "attachment"},
		"a path":            {`a/b; name="../../etc/pass\\wd"`, "", "application/octet-stream", "wd"},
		"a hidden file":     {`a/b; name="..bashrc"`, "", "application/octet-stream", "bashrc"},
		"only dots":         {`a/b; name=".."`, "", "application/octet-stream", "attachment"},
		"markup":            {`a/b; name="<img src=x onerror=alert(1)>.txt"`, "", "application/octet-stream", "img src=x onerror=alert(1).txt"},
		"a new header":      {`a/b; name*=utf-8''a%0d%0aSet-Cookie:%20b`, "", "application/octet-stream", "a  Set-Cookie b"},
		"turned around":     {`a/b; name*=utf-8''cod%E2%80%AEfdp.exe`, "", "application/octet-stream", "codfdp.exe"},
		"longer than a lot": {`a/b; name="` + strings.Repeat("x", 500) + `.pdf"`, "", "application/octet-stream", strings.Repeat("x", 116) + ".pdf"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := open(t, raw(t, "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Disposition: attachment\nContent-Type: "+tc.header+"\n\n"+tc.content+"\n--m--\n"))
			header := s.get("part/0").header
			disposition, params, err := mime.ParseMediaType(header.Get("Content-Disposition"))
			if err != nil || disposition != "attachment" || params["filename"] != tc.name {
				t.Errorf("%q: %s, %v, %v", header.Get("Content-Disposition"), disposition, params, err)
			}
			if header.Get("Content-Type") != tc.media {
				t.Errorf("type %s", header.Get("Content-Type"))
			}
			if header.Get("Set-Cookie") != "" {
				t.Error("a mail set a cookie")
			}
		})
	}
}

func TestWhoMayAsk(t *testing.T) {
	cases := map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "mail.localhost:8025": true, "127.0.0.1": true, "127.0.0.1:1": true,
		"[::1]:8025": true, "[::1]": true, "192.0.2.1:80": true, "dev.example.org": true, "Dev.Example.org.:80": true,
		"evil.example.net": false, "localhost.evil.example.net": false, "127.0.0.1.evil.example.net": false,
		"notlocalhost": false, "": false, "dev.example.org.evil.net": false,
	}
	handler := preview.New(mailtest.New(), "dev.example.org")
	for host, known := range cases {
		t.Run(host, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Host = host
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			want := http.StatusMisdirectedRequest
			if known {
				want = http.StatusOK
			}
			if recorder.Code != want {
				t.Errorf("status %d", recorder.Code)
			}
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := open(t, newsletter(t))
	for _, path := range []string{
		"/mail/x/", "/mail/x/html", "/nothing", "part/2", "part/2/view", "/api/mails/x", "/api/nothing", "part/-1", "part/x", "part/99999999999999999999", "other",
	} {
		if got := s.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "http://localhost/", nil))
	if recorder.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", recorder.Code)
	}
	empty := site{handler: preview.New(mailtest.New())}
	if body := empty.body(t, "/"); !strings.Contains(body, "Nothing has been sent yet") {
		t.Error(body)
	}
}

// TestUnderAPath follows each link of the pages when the handler is not at the root.
func TestUnderAPath(t *testing.T) {
	inbox := mailtest.New()
	if _, err := inbox.Send(t.Context(), newsletter(t)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/dev/mail", preview.New(inbox)))
	defer server.Close()
	seen := map[string]bool{}
	var follow func(address string)
	follow = func(address string) {
		if seen[address] {
			return
		}
		seen[address] = true
		response, err := server.Client().Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", address, response.Status, err)
		}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			return
		}
		for _, node := range elements(t, string(body)) {
			for _, a := range node.Attr {
				target, err := response.Request.URL.Parse(a.Val)
				if a.Key == "src" || a.Key == "href" && err == nil && target.Host == response.Request.URL.Host {
					follow(target.String())
				}
			}
		}
	}
	follow(server.URL + "/dev/mail/")
	paths := map[string]bool{}
	for address := range seen {
		path, _, _ := strings.Cut(address, "?")
		paths[path] = true
	}
	if len(paths) != 10 { // list, style, mail, source, download, frame, image, file, and looking at both
		t.Errorf("found %v", paths)
	}
}

// TestLimits shows mail that is larger than a page.
func TestLimits(t *testing.T) {
	s := open(t, raw(t, "Subject: "+strings.Repeat("ü", 50_000)+"\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\n"+
		strings.Repeat("€", 1<<19)+"\n--m\nContent-Type: text/html\n\n"+strings.Repeat("<a href=https://example.org/>x</a>", 1<<17)+"\n--m--\n"))
	for path, most := range map[string]int{"/": 12 << 10, "?view=text": 300 << 10, "?view=header": 16 << 10, "?view=source": 300 << 10, "html": 2 << 20} {
		body := s.body(t, path)
		isCut := path == "html" || strings.Contains(body, "… (cut)") // HTML may be cut within a tag
		if len(body) > most || !isCut || !utf8.ValidString(body) {
			t.Errorf("%q has %d octets", path, len(body))
		}
	}
	deep := open(t, raw(t, "Content-Type: text/html\n\n"+strings.Repeat("<b>", 10_000)))
	if got := deep.get("html"); got.status != http.StatusUnprocessableEntity {
		t.Error(got.status)
	}
}

// TestWhatTheFrameShows: a part is shown by its Content-ID and by its Content-Location, in src and in srcset.
func TestWhatTheFrameShows(t *testing.T) {
	const mail = "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n" +
		`<img src="a.png"><img srcset="cid:x@y 1x, a.png 2x, https://example.org/c.png 3x"><img src="cid:x@y">` +
		"\n--b\nContent-Type: image/png\nContent-Location: a.png\n\n1\n--b\nContent-Type: image/png\nContent-ID: <x@y>\n\n2\n--b--\n"
	got := open(t, raw(t, mail)).get("html").body
	for _, want := range []string{`src="part/0"`, `srcset="part/1 1x, part/0 2x, https://example.org/c.png 3x"`, `src="part/1"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
}
