package message_test

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// TestInlineIsShown holds that a mail with a broken image is an error of Build, and where it is.
func TestInlineIsShown(t *testing.T) {
	logo := message.FileBytes("logo.png", []byte("x"))
	for name, c := range map[string]struct {
		b      message.Builder
		fields []string
	}{
		"shown":                  {good().HTML(`<img src="cid:a@b">`).Inline("a@b", logo), nil},
		"shown without quotes":   {good().HTML(`<IMG SRC=cid:a>`).Inline("a", logo), nil},
		"shown by capitals":      {good().HTML(`<img src='CID:a'>`).Inline("a", logo), nil},
		"shown by a style":       {good().HTML(`<p style="background:url(cid:a)">`).Inline("a", logo), nil},
		"shown by a set":         {good().HTML(`<img srcset="x.png 1x, cid:a 2x">`).Inline("a", logo), nil},
		"shown with escapes":     {good().HTML(`<img src="cid:a%25b&amp;c">`).Inline("a%b&c", logo), nil},
		"an attachment":          {good().HTML(`<img src="cid:a">`).Attach(logo.ContentID("a")), nil},
		"shown by a style sheet": {good().HTML(`<style>p { background: url(cid:a) }</style><p>x`).Inline("a", logo), nil},
		"not shown there":        {good().HTML(`<style type="text/css">p { background: url("cid:a") }</style>`), []string{"HTML cid:a"}},
		"in a user's text":       {good().HTML(`<p title="x">the text (cid:42) of a PDF, ="cid:43" and url(cid:44)</p>`), nil},
		"after a style":          {good().HTML(`<style>p{}</style><p>(cid:42)</p>`), nil},
		"only mentioned":         {good().HTML(`<p>cid: is a scheme, so is cid:x</p>`), nil},
		"not there":              {good().HTML(`<img src="cid:a"><img src="cid:a"><img src="cid:b">`).Inline("b", logo), []string{"HTML cid:a"}},
		"no part at all":         {good().HTML(`<img src="cid:a">`), []string{"HTML cid:a"}},
		"not shown":              {good().HTML(`<p>a</p>`).Inline("a", logo), []string{"Inline a"}},
		"another one":            {good().HTML(`<img src="cid:a1">`).Inline("a", logo), []string{"HTML cid:a1"}},
		"allowed":                {good().UncheckedInline().HTML(`<img src="cid:a">`).Inline("b", logo), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.b.Build()
			var fields []string
			for _, fault := range message.Faults(err) {
				fields = append(fields, fault.Field+" "+fault.Value)
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" || (err == nil) != (c.fields == nil) {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func TestCalendarIsOne(t *testing.T) {
	for name, c := range map[string]struct {
		ics string
		ok  bool
	}{
		"right":                      {"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", true},
		"folded":                     {"BEGIN:VCALENDAR\nMETHOD:REQ\n UEST\nEND:VCALENDAR", true},
		"small letters and a BOM":    {"\ufeffbegin:vcalendar\nmethod:request\nend:vcalendar\n", true},
		"no method":                  {"BEGIN:VCALENDAR\nEND:VCALENDAR\n", false},
		"a method of another object": {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nMETHOD:REQUEST\nEND:VEVENT\nEND:VCALENDAR\n", false},
		"another method":             {"BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR\n", false},
		"cut off":                    {"BEGIN:VCALENDAR\nMETHOD:REQUEST\n", false},
		"something else":             {"Meet me at nine", false},
		"nothing":                    {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := good().Text("x").Calendar("REQUEST", c.ics).Build()
			var fault *message.FieldError
			if (err == nil) != c.ok || err != nil && (!errors.As(err, &fault) || fault.Field != "Calendar") {
				t.Error(err)
			}
		})
	}
}
