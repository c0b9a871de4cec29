package markup_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message/markup"
	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ html, want string }{
		"paragraphs":         {"<p>Dear  Zoë,</p>\n<p>be\nhappy.</p>", "Dear Zoë,\n\nbe happy.\n"},
		"breaks":             {"a<br>b<br/><br>c", "a\nb\n\nc\n"},
		"entities":           {"a &lt;b&gt; &amp; c&nbsp;d", "a <b> & c d\n"},
		"a link":             {`See <a href="https://example.org/x?a=1&amp;b=2">our page</a>.`, "See our page (https://example.org/x?a=1&b=2).\n"},
		"a link by its name": {`<a href="https://example.org/">https://example.org</a>`, "https://example.org\n"},
		"a mail address":     {`<a href="mailto:hei@example.org?subject=x">write</a>`, "write (hei@example.org)\n"},
		"a link of an image": {`<a href="https://example.org/x"><img src="cid:x"></a>`, "https://example.org/x\n"},
		"other links":        {`<a href="#top">up</a> <a href="javascript:x()">run</a> <a>no</a>`, "up run no\n"},
		"alt text":           {`<img alt="Our logo" src="cid:logo"> says`, "Our logo says\n"},
		"a list":             {"<p>Buy</p><ul><li>bread<li>milk</ul><p>now", "Buy\n\n- bread\n- milk\n\nnow\n"},
		"a numbered list":    {"<ol start=9><li>a</li><li>b</li></ol>", "9. a\n10. b\n"},
		"lists in lists":     {"<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c\n"},
		"an item of lines":   {"<ul><li>a<br>b</li></ul>", "- a\n  b\n"},
		"a quote":            {"<p>He wrote</p><blockquote><p>a</p><p>b</p></blockquote><p>c</p>", "He wrote\n\n> a\n>\n> b\n\nc\n"},
		"a quote in a quote": {"<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b\n"},
		"a table of data":    {"<table><tr><th>Item<th>Price</tr><tr><td>Tea</td><td>3</td></tr></table>", "Item | Price\nTea | 3\n"},
		"a table as layout":  {"<table><tr><td>Hello</td><td>World</td></tr><tr><td>!</td></tr></table>", "Hello World\n!\n"},
		"a rule":             {"a<hr>b", "a\n----------\nb\n"},
		"code":               {"<pre>a\n  b  c\n</pre>d", "a\n  b  c\n\nd\n"},
		"what is hidden":     {`<style>p{}</style><script>x</script><div style="display: none">pre<div>header</div></div><p hidden>x</p>a`, "a\n"},
		"a head without end": {"<html><head><title>T</title><meta charset=utf-8><body>a", "a\n"},
		"comments":           {"a<!-- x --><!--[if mso]><p>Outlook</p><![endif]-->b", "ab\n"},
		"hidden without end": {"<p style='display:none'>pre<p>Hello</p><p>World</p>", "Hello\n\nWorld\n"},
		"a hidden cell":      {"<table><tr><td style='display:none'>a<td>b</table><p>after</p>", "b\n\nafter\n"},
		"a hidden last cell": {"<table><tr><td>b<td hidden>a</table><p>after</p>", "b\n\nafter\n"},
		"an unknown element": {"<o:p style='display:none'>x<o:p>y</o:p></o:p>a", "a\n"},
		"no script":          {"<noscript><p>a</p></noscript><iframe><p>x</p></iframe>b", "a\n\nb\n"},
		"code in colours":    {"<pre><span>func</span> <span>main</span>()\n    <b>return</b>\n  </pre>x", "func main()\n    return\n\nx\n"},
		"a link in a list":   {"<ul><li><a href='https://x.org'>https://x.org</a></li></ul>", "- https://x.org\n"},
		"a link in a quote":  {"<blockquote><a href='https://x.org'> https://x.org </a></blockquote>", "> https://x.org\n"},
		"a link in a cell":   {"<table><tr><th>a<th>b<tr><td>c<td><a href='https://x.org'>https://x.org</a></table>", "a | b\nc | https://x.org\n"},
		"ends without begin": {"</li></ul></blockquote></a></table></pre>a", "a\n"},
		"nothing":            {"<div> </div>", ""},
		"a hidden void":      {`<img hidden alt="x">a`, "xa\n"},
		"not closed":         {"<ul><li><b>a <a href='https://example.org'>b", "- a b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, markup.Text(c.html)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTextIsLinear counts what nested elements make of a short text: no more than a bounded number of octets for each
// element.
func TestTextIsLinear(t *testing.T) {
	const n = 20_000
	for _, unit := range []string{"<blockquote>a", "<ul><li>a", "<ol><li>", "<a href='https://example.org/'>b", "<table><tr><th>a", "<pre>\na\n", "</li>", "<div hidden>"} {
		if out := markup.Text(strings.Repeat(unit, n)); len(out) > n*(3*20+len(unit)) {
			t.Errorf("%s: %d octets of text from %d", unit, len(out), n*len(unit))
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("<p>a<ul><li>b<blockquote>c")
	f.Fuzz(func(t *testing.T, source string) {
		text := markup.Text(source)
		if strings.Contains(text, "\n\n\n") || len(text) > 60*(len(source)+1) {
			t.Errorf("%q", text)
		}
	})
}
