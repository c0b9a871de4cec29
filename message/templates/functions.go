package templates

import (
	"encoding/base64"
	"fmt"
	html "html/template"
	"regexp"
	"strconv"
	"strings"
)

// functions are what all templates of a [Library] can call.
var functions = map[string]any{"cid": cid, "dataURL": dataURL}

// cid returns the address of an inline part, which html/template would refuse as a string.
func cid(id string) (html.URL, error) {
	if id == "" || strings.ContainsAny(id, " \t\r\n<>\"'") {
		return "", fmt.Errorf("cid %q: want the Content-ID of an inline part", id)
	}
	return html.URL("cid:" + id), nil //nolint:gosec // it begins with cid:
}

// dataURL returns an image as an address. Other content in a page is refused: a data: address can be a page of its own.
func dataURL(media string, data []byte) (html.URL, error) {
	if !imageType.MatchString(media) {
		return "", fmt.Errorf("dataURL %q: want the type of an image, such as image/png", media)
	}
	return html.URL("data:" + media + ";base64," + base64.StdEncoding.EncodeToString(data)), nil //nolint:gosec // an image
}

var imageType = regexp.MustCompile(`^image/(png|jpeg|gif|webp|avif|bmp)$`)

// comments keeps conditional comments, which html/template leaves out as it does all others: each becomes an action that
// prints it.
type comments struct{ kept []string }

// conditional is the beginning or the end of a conditional comment, in the forms that Outlook and old browsers know.
var conditional = regexp.MustCompile(`<!--\[if [^\]<>{}]*\]>(?:<!-->|-->)?|<!\[if [^\]<>{}]*\]>|<!--<!\[endif\]-->|<!\[endif\]-->|<!\[endif\]>`)

func (c *comments) hide(source string) string {
	return conditional.ReplaceAllStringFunc(source, func(comment string) string {
		c.kept = append(c.kept, comment)
		return "{{conditionalComment " + strconv.Itoa(len(c.kept)-1) + "}}"
	})
}

func (c *comments) functions() html.FuncMap {
	return html.FuncMap{"conditionalComment": func(i int) html.HTML { return html.HTML(c.kept[i]) }} //nolint:gosec // it stands in the template
}
