package preview

import (
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/mailtest"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// dropped has the elements that a mail has no good use for. Scripts, frames and plug-ins could do nothing
// under the policy and the sandbox anyway; this is the second lock. Of link it is the only one: no policy
// keeps a browser from connecting to where a preconnect hint points. For a frame Chromium connects, too, before
// it looks into the policy. A meta could ask for prefetching again.
var dropped = map[atom.Atom]bool{
	atom.Script: true, atom.Link: true, atom.Meta: true, atom.Base: true, atom.Template: true, atom.Noscript: true,
	atom.Iframe: true, atom.Frame: true, atom.Frameset: true, atom.Object: true, atom.Embed: true,
	atom.Applet: true,
}

// clean writes the document that source is to a browser, without the elements and attributes that could
// act, with links that lead nowhere, and with the addresses of the mail's own parts in place of "cid:" addresses
// (RFC 2392). Everything else stays as it is, so that the preview shows the mail and not what a filter made of it: what keeps
// strangers out is the policy and the sandbox that the document is sent with.
func clean(w io.Writer, source string, links map[string]string) error {
	// A browser does not run scripts here, so for it noscript is an element like others.
	document, err := html.ParseWithOptions(strings.NewReader(source), html.ParseOptionEnableScripting(false))
	if err != nil {
		return err
	}
	c := cleaner{links: links}
	c.children(document)
	return html.Render(w, document)
}

type cleaner struct{ links map[string]string }

func (c cleaner) children(parent *html.Node) {
	for node := parent.FirstChild; node != nil; {
		next := node.NextSibling
		if node.Type == html.ElementNode && dropped[node.DataAtom] {
			parent.RemoveChild(node)
		} else {
			c.node(node)
		}
		node = next
	}
}

func (c cleaner) node(node *html.Node) {
	if node.DataAtom == atom.Style {
		for text := node.FirstChild; text != nil; text = text.NextSibling {
			text.Data = c.style(text.Data)
		}
	}
	node.Attr = slices.DeleteFunc(node.Attr, isActive)
	if node.DataAtom == atom.A || node.DataAtom == atom.Area {
		unlink(node)
	}
	for i, a := range node.Attr {
		switch a.Key {
		case "src", "background", "poster", "href":
			node.Attr[i].Val = c.address(a.Val)
		case "srcset":
			node.Attr[i].Val = c.candidates(a.Val)
		case "style":
			node.Attr[i].Val = c.style(a.Val)
		}
	}
	c.children(node)
}

// unlink makes a link lead nowhere, and says by its title where it led. It could not leave the frame anyway,
// but a browser connects to where a link points as soon as a reader presses on it.
func unlink(node *html.Node) {
	hasTitle := slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "title" })
	for i, a := range node.Attr {
		if a.Key != "href" || strings.HasPrefix(a.Val, "#") {
			continue
		}
		node.Attr[i].Val = "#"
		if !hasTitle {
			hasTitle = true
			node.Attr = append(node.Attr, html.Attribute{Key: "title", Val: a.Val})
		}
	}
}

// isActive reports whether an attribute runs a script, sends a form, or makes a browser tell others of a visit.
func isActive(a html.Attribute) bool {
	switch key := strings.ToLower(a.Key); key {
	case "action", "formaction", "ping", "attributionsrc", "srcdoc":
		return true
	default:
		return strings.HasPrefix(key, "on")
	}
}

// candidates replaces the addresses of parts in a srcset.
func (c cleaner) candidates(value string) string {
	list := strings.Split(value, ",")
	for i, candidate := range list {
		address, size, _ := strings.Cut(strings.TrimSpace(candidate), " ")
		list[i] = strings.TrimSpace(c.address(address) + " " + size)
	}
	return strings.Join(list, ", ")
}

// address returns the address of a part if value is its "cid:" address, or its Content-Location.
func (c cleaner) address(value string) string {
	scheme, id, _ := strings.Cut(strings.TrimSpace(value), ":")
	if !strings.EqualFold(scheme, "cid") {
		if link, ok := c.links[strings.TrimSpace(value)]; ok && strings.TrimSpace(value) != "" {
			return link
		}
		return value
	}
	if link, ok := c.links[id]; ok {
		return link
	}
	if decoded, err := url.PathUnescape(id); err == nil && c.links[decoded] != "" {
		return c.links[decoded]
	}
	return value
}

var cidInStyle = regexp.MustCompile(`(?i)cid:[^\s"'()\\]+`)

func (c cleaner) style(text string) string { return cidInStyle.ReplaceAllStringFunc(text, c.address) }

// links lists the web and mail addresses that a mail links to, because a link in the frame leads nowhere, and one in a text
// is not marked.
func links(view *mailtest.View) []string {
	var list []string
	for _, link := range view.Links() {
		if len(list) < maxLinks && isLink(link) {
			list = append(list, link)
		}
	}
	return list
}

// isLink reports whether address is one that may be clicked, and is not too long to be read before.
func isLink(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= maxValue && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "mailto")
}
