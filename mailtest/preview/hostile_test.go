package preview_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// TestMarkupIsText puts markup wherever a mail has text, and finds no element or address of it in the pages.
func TestMarkupIsText(t *testing.T) {
	const markup = `"'></title></pre></textarea></style><script>alert(1)</script><img src=x onerror=alert(1)>`
	s := open(t, raw(t, "Subject: "+markup+"\nFrom: "+markup+" <a@b>\nX-"+`"><img`+": no field\n"+
		"Content-Type: multipart/mixed; boundary=m\n\n--m\n\n"+markup+"\n--m\nContent-Type: text/html\n\n"+
		`<a href="javascript:alert(1)">x</a><a href=" JaVaScRiPt:alert(1)">x</a><a href="data:text/html,x">x</a><a href="https://x/&quot;><script>">x</a>`+
		"\n--m\nContent-Type: a/\"><script>\nContent-ID: <\"><img>\nContent-Disposition: inline; filename*=utf-8''%22%3E%3Cimg%20src%3Dx%3E\n\nx\n--m\n"+
		"Content-Type: application/x\nContent-Disposition: attachment; filename=\""+strings.ReplaceAll(markup, `"`, `\"`)+"\"\n\nx\n--m--\n"))
	for path, isShown := range map[string]bool{
		"/": true, "": true, "?view=text": true, "?view=code": false, "?view=source": true, "?view=header": true,
		"?view=parts": true, "?view=links": false, "?view=checks": true,
	} {
		page := s.body(t, path)
		for _, node := range elements(t, page) {
			if node.Data == "img" || node.Data == "script" && !isOurs(s.get(path), node) {
				t.Errorf("%q has the element %s: %s", path, node.Data, page)
			}
			for _, a := range node.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.Contains(strings.ToLower(a.Val), "javascript:") || strings.HasPrefix(a.Val, "data:") {
					t.Errorf("%q has %s=%q", path, a.Key, a.Val)
				}
			}
		}
		if isShown && !strings.Contains(shown(t, page), `<script>alert(1)</script><img src=x onerror=alert(1)>`) {
			t.Errorf("%q does not show the markup: %s", path, page)
		}
	}
}

// isOurs reports whether the policy of a page names a script by its hash, and nothing else.
func isOurs(page answer, script *html.Node) bool {
	if script.FirstChild == nil || len(script.Attr) > 0 {
		return false
	}
	sum := sha256.Sum256([]byte(script.FirstChild.Data))
	want := "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; "
	policy := page.header.Get("Content-Security-Policy")
	return strings.Contains(policy, want) && strings.Count(policy, "script-src") == 1
}

// frames has hostile HTML; what the browser makes of the policy is tested in a browser, in module interop.
var frames = []string{
	`<script>x</script><SCRIPT SRC=//x></SCRIPT><svg><script>x</script></svg><svg><script href=//x /></svg>`,
	`<link rel=preconnect href=//x><meta http-equiv=refresh content="0;url=//x"><base href=//x>`,
	`<svg><style><link rel=preconnect href=//x></style></svg><math><mtext><link rel=x></mtext></math>`,
	`<noscript><link rel=preconnect href=//x></noscript><noscript>&lt;link rel=preconnect href=//x&gt;</noscript>`,
	`<noscript><p title="</noscript><link rel=x>">`, `<noembed>&lt;link rel=x&gt;</noembed><noframes>&lt;link&gt;</noframes>`,
	`<template><link rel=x></template><iframe src=//x srcdoc="<link>"></iframe><object data=//x></object><embed src=//x>`,
	`<img src=x onerror=x><body onload=x><svg/onload=x><a ping=//x attributionsrc=//x href=//x>`,
	`<svg><a xlink:href=//x></a></svg><map><area href=//x></map><form action=//x><math><mi><form><mglyph><style><!--</style><link rel=x>-->`,
	`<svg></p><style><a id="</style><link rel=x>">`, `<math><annotation-xml encoding=text/html><link rel=x>`,
	`<xmp>&lt;link&gt;</xmp><plaintext>&lt;link rel=x&gt;`, `<table><link rel=x><style></table><link>`, `<select><template><link></select>`,
	`<frameset onload=x><frame src=//x></frameset>`, `<title>&lt;/title&gt;&lt;link&gt;</title><textarea>&lt;/textarea&gt;<link></textarea>`,
}

// harmful lists what clean must have taken out of a document.
func harmful(document string) (found []string) {
	for _, scripting := range []bool{false, true} {
		root, err := html.ParseWithOptions(strings.NewReader(document), html.ParseOptionEnableScripting(scripting))
		if err != nil { // it is nested too deeply to be read as a tree, and read as a row of tags
			return harmfulTags(document)
		}
		for node := range root.Descendants() {
			if node.Type == html.ElementNode {
				found = append(found, harmfulElement(node.Data, node.Attr)...)
			}
		}
	}
	return found
}

// harmfulTags is harmful for a document of any depth.
func harmfulTags(document string) (found []string) {
	tags := html.NewTokenizer(strings.NewReader(document))
	for {
		switch tags.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := tags.Token()
			found = append(found, harmfulElement(tag.Data, tag.Attr)...)
		}
	}
}

func harmfulElement(name string, attributes []html.Attribute) (found []string) {
	if slices.Contains([]string{"script", "link", "meta", "base", "iframe", "frame", "object", "embed", "template", "noscript"}, name) {
		found = append(found, name)
	}
	for _, a := range attributes {
		if strings.HasPrefix(a.Key, "on") || a.Key == "ping" || a.Key == "attributionsrc" || a.Key == "srcdoc" ||
			(name == "a" || name == "area") && a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
			found = append(found, name+" "+a.Key)
		}
	}
	return found
}

// TestHarmfulTags: the judge of deep documents finds what that of others finds.
func TestHarmfulTags(t *testing.T) {
	deep := strings.Repeat("<div>", 600) + `<svg/onload=x><script>x</script><a href=//x>`
	if diff := cmp.Diff([]string{"svg onload", "script", "a href"}, harmful(deep)); diff != "" {
		t.Error(diff)
	}
}

func TestClean(t *testing.T) {
	for _, source := range frames {
		s := open(t, raw(t, "Content-Type: text/html\n\n"+source))
		frame := s.body(t, "html")
		if found := harmful(frame); len(found) > 0 {
			t.Errorf("%s became %s with %q", source, frame, found)
		}
	}
}

// TestCleanKeeps holds that mail is shown as it is, but for addresses of its parts.
func TestCleanKeeps(t *testing.T) {
	const (
		before = `<html><head><style>p { background: url(CID:a) } .x > p { color: red }</style></head><body background="cid:a">` +
			`<!-- note --><table width="600"><tbody><tr><td style="color:red">1 &lt; 2 &amp; 3</td></tr></tbody></table>` +
			`<img src=" cid:a" alt="cid:a"/><img src="cid:none"/><img src="https://example.org/x"/><form action="/x"><input name="cid:a"/></form>` +
			`<a href="https://example.org/?a&amp;b">x</a><a href="#below" name="y">x</a><a href="/" title="here">x</a><a>x</a>cid:a</body></html>`
		after = `<html><head><style>p { background: url(part/0) } .x > p { color: red }</style></head><body background="part/0">` +
			`<!-- note --><table width="600"><tbody><tr><td style="color:red">1 &lt; 2 &amp; 3</td></tr></tbody></table>` +
			`<img src="part/0" alt="cid:a"/><img src="cid:none"/><img src="https://example.org/x"/><form><input name="cid:a"/></form>` +
			`<a href="#" title="https://example.org/?a&amp;b">x</a><a href="#below" name="y">x</a><a href="#" title="here">x</a><a>x</a>cid:a`
	)
	s := open(t, raw(t, "Content-Type: multipart/related; boundary=m\n\n--m\nContent-Type: text/html\n\n"+before+
		"\n--m\nContent-ID: <a>\nContent-Type: image/png\n\nx\n--m\nContent-ID: <a>\n\ny\n--m--\n"))
	if frame := s.body(t, "html"); !strings.HasPrefix(frame, after) {
		t.Errorf("got  %s\nwant %s", frame, after)
	}
}

func FuzzClean(f *testing.F) {
	for _, source := range frames {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		s := open(t, raw(t, "Content-Type: text/html\n\n"+source))
		frame := s.get("html")
		if frame.status != http.StatusOK {
			return // nested too deeply
		}
		if found := harmful(frame.body); len(found) > 0 {
			t.Errorf("%q became %q with %q", source, frame.body, found)
		}
	})
}

// FuzzPages shows any mail; nothing may panic or add elements to a page.
func FuzzPages(f *testing.F) {
	f.Add("Subject: <b>\n\n<b>")
	f.Add("Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<a href='https://x'>\n--m\nContent-ID: <<b>>\n\n--m--")
	f.Fuzz(func(t *testing.T, source string) {
		s := open(t, raw(t, source))
		for _, path := range []string{"/", "", "?view=text", "?view=code", "?view=source", "?view=header", "?view=parts", "?view=links", "?view=checks"} {
			for _, node := range elements(t, s.body(t, path)) {
				if !slices.Contains(ours, node.Data) || node.Data == "script" && !isOurs(s.get(path), node) {
					t.Errorf("%q has the element %s", path, node.Data)
				}
			}
		}
		s.get("html")
		s.get("part/0")
	})
}

// ours has the elements of our pages.
var ours = strings.Fields("html head meta title link script body header main h1 h2 table tbody tr th td a br span p nav div small section " +
	"ol ul li iframe details summary pre code form input button fieldset legend label dl dt dd dialog kbd time")
