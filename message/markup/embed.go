package markup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/message"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Page is HTML that shows its images by cid: addresses, and these images. It can be used for many messages.
type Page struct {
	HTML   string
	Images []Image // in the order in which the HTML shows them first
}

// Image is an inline part that HTML shows as "cid:" + ID.
type Image struct {
	ID   string
	Part message.Part
}

// AddTo sets the HTML body of b, and adds the images as inline parts.
func (p Page) AddTo(b message.Builder) message.Builder {
	b = b.HTML(p.HTML)
	for _, image := range p.Images {
		b = b.Inline(image.ID, image.Part)
	}
	return b
}

// Embed makes inline parts of the images that HTML names by file, and has the HTML show them by cid: addresses. These are
// what src of img and input, srcset, background, poster, and url() in styles name without a scheme or host, such as
// "logo.png" or "img/logo.png"; everything else in the HTML stays as it is, octet by octet. Each file is one part, however
// often it is shown.
//
// The error joins a [*message.FieldError] for each name that images has not got, or that leads out of it. images decides
// what can be embedded: where names come from data of users, give it a folder that holds nothing else, and
// [os.Root.FS] rather than [os.DirFS] when others can put links into it.
func Embed(source string, images fs.FS) (Page, error) {
	e := embedder{images: images, ids: map[string]string{}}
	tokens := html.NewTokenizer(strings.NewReader(source))
	inStyle := false
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			e.out.Write(tokens.Raw())
			break
		}
		raw := string(tokens.Raw()) // before Token, which lets go of it
		token := tokens.Token()
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			inStyle = token.DataAtom == atom.Style
			if e.attributes(&token) {
				raw = token.String()
			}
		case html.EndTagToken:
			inStyle = false
		case html.TextToken:
			if inStyle {
				raw = e.style(raw)
			}
		}
		e.out.WriteString(raw)
	}
	return Page{HTML: e.out.String(), Images: e.shown}, errors.Join(e.faults...)
}

type embedder struct {
	images fs.FS
	out    strings.Builder
	ids    map[string]string // by file
	shown  []Image
	faults []error
}

// attributes changes the addresses of images in a tag, and reports whether there were any.
func (e *embedder) attributes(token *html.Token) (changed bool) {
	for i := range token.Attr {
		a := &token.Attr[i]
		before := a.Val
		switch {
		case a.Key == "src" && (token.DataAtom == atom.Img || token.DataAtom == atom.Input), a.Key == "background", a.Key == "poster":
			a.Val = cmp.Or(e.show(a.Val), a.Val)
		case a.Key == "srcset":
			a.Val = e.sourceSet(a.Val)
		case a.Key == "style":
			a.Val = e.style(a.Val)
		}
		changed = changed || a.Val != before
	}
	return changed
}

// sourceSet changes the addresses in a list of candidates, "a.png 1x, b.png 2x", which is read as HTML says: an address ends at a
// blank, and may hold commas.
func (e *embedder) sourceSet(value string) string {
	const blanks = " \t\r\n\f"
	var out strings.Builder
	for rest := value; rest != ""; {
		start := strings.TrimLeft(rest, blanks+",")
		out.WriteString(rest[:len(rest)-len(start)])
		end := strings.IndexAny(start, blanks)
		if end < 0 {
			end = len(start)
		}
		address := strings.TrimRight(start[:end], ",")
		out.WriteString(cmp.Or(e.show(address), address))
		rest = start[len(address):]
		if !strings.HasPrefix(rest, ",") { // the size is up to the next comma
			comma := strings.IndexByte(rest, ',')
			if comma < 0 {
				comma = len(rest)
			}
			out.WriteString(rest[:comma])
			rest = rest[comma:]
		}
	}
	return out.String()
}

// styleURL finds addresses in styles; what @import names is a style sheet.
var styleURL = regexp.MustCompile(`(?i)(@import\s+)?\burl\(\s*("[^"]*"|'[^']*'|[^)"'\s]*)\s*\)`)

func (e *embedder) style(css string) string {
	return styleURL.ReplaceAllStringFunc(css, func(whole string) string {
		found := styleURL.FindStringSubmatch(whole)
		if found[1] != "" {
			return whole
		}
		address := strings.Trim(found[2], `"'`)
		if shown := e.show(address); shown != "" {
			return "url(" + shown + ")"
		}
		return whole
	})
}

// show returns the cid: address of the file that an address names; "" for an address of something else.
func (e *embedder) show(address string) string {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if address == "" || err != nil && strings.Contains(address, ":") || err == nil && (u.Scheme != "" || u.Host != "" || u.Path == "") {
		return ""
	}
	name := address
	if err == nil {
		name = u.Path // decoded, without query and fragment
	}
	name = strings.TrimPrefix(name, "./")
	if id, known := e.ids[name]; known {
		return "cid:" + id
	}
	if e.images == nil {
		e.fault(address, errors.New("the HTML names an image by file, and there are no images"))
		return ""
	}
	if info, err := fs.Stat(e.images, name); err != nil || !info.Mode().IsRegular() {
		switch {
		case !fs.ValidPath(name):
			err = errors.New("a file of the images has a name that is a path below their folder")
		case err == nil:
			err = errors.New("not a regular file")
		}
		e.fault(address, err)
		return ""
	}
	id := strconv.Itoa(len(e.shown)+1) + "." + idName(path.Base(name))
	e.ids[name] = id
	e.shown = append(e.shown, Image{ID: id, Part: message.File(e.images, name)})
	return "cid:" + id
}

func (e *embedder) fault(address string, err error) {
	e.faults = append(e.faults, &message.FieldError{Field: "HTML", Value: address, Err: fmt.Errorf("image: %w", err)})
}

// idName leaves of a file name what a Content-ID and the address of it can hold without quotes or escapes.
func idName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
}
