package markup_test

import (
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/markup"
	"github.com/google/go-cmp/cmp"
)

var images = fstest.MapFS{
	"logo.png":      {Data: []byte("\x89PNG\r\n\x1a\nlogo")},
	"img/a b.gif":   {Data: []byte("GIF89a")},
	"img/back.jpeg": {Data: []byte("\xff\xd8\xff")},
}

func TestEmbed(t *testing.T) {
	for name, c := range map[string]struct {
		html, want string
		files      int
	}{
		"an image":            {`<P><img alt=x src="logo.png"></P>`, `<P><img alt="x" src="cid:1.logo-png"></P>`, 1},
		"the same twice":      {`<img src=logo.png><img src=./logo.png>`, `<img src="cid:1.logo-png"><img src="cid:1.logo-png">`, 1},
		"an escaped name":     {`<img src="img/a%20b.gif">`, `<img src="cid:1.a-b-gif">`, 1},
		"a name with a blank": {`<img src="img/a b.gif">`, `<img src="cid:1.a-b-gif">`, 1},
		"a background":        {`<td background="img/back.jpeg">x`, `<td background="cid:1.back-jpeg">x`, 1},
		"a style":             {`<p style="color:red; background:url('logo.png') no-repeat">`, `<p style="color:red; background:url(cid:1.logo-png) no-repeat">`, 1},
		"a style sheet":       {`<style>p { background: url("logo.png") }</style>`, `<style>p { background: url(cid:1.logo-png) }</style>`, 1},
		"a set":               {`<img srcset="logo.png 1x, img/back.jpeg 2x">`, `<img srcset="cid:1.logo-png 1x, cid:2.back-jpeg 2x">`, 2},
		"a set of others":     {`<img srcset="https://example.org/w_300,h_200/a.png 1x, data:image/png;base64,AAAA 2x">`, "", 0},
		"a set in lines":      {"<img srcset=\"logo.png\n2x,\nhttps://example.org/a,b.png\">", "<img srcset=\"cid:1.logo-png\n2x,\nhttps://example.org/a,b.png\">", 1},
		"a style sheet's own": {`<style>@import url("fonts.css"); p { background: url(logo.png) }</style>`, `<style>@import url("fonts.css"); p { background: url(cid:1.logo-png) }</style>`, 1},
		"other addresses":     {`<IMG SRC=https://example.org/a.png><img src="cid:x"><img src='data:image/png;base64,eA=='><img src="//example.org/a.png"><a href="logo.png">`, "", 0},
		"text about style":    {`url(logo.png) <!-- <img src="logo.png"> -->`, "", 0},
		"broken HTML":         {`<p <img src=`, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := markup.Embed(c.html, images)
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == "" {
				want = c.html
			}
			if diff := cmp.Diff(want, page.HTML); diff != "" || len(page.Images) != c.files {
				t.Errorf("%d images, %s", len(page.Images), diff)
			}
		})
	}
}

func TestEmbedRefuses(t *testing.T) {
	_, err := markup.Embed(`<img src="gone.png"><img src="../secret.png"><img src="/etc/x.png"><img src="img"><img src="logo.png">`, images)
	var values []string
	for _, fault := range message.Faults(err) {
		values = append(values, fault.Value)
	}
	if diff := cmp.Diff([]string{"gone.png", "../secret.png", "/etc/x.png", "img"}, values); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
	if _, err := markup.Embed(`<img src="logo.png">`, nil); err == nil {
		t.Error("an image of no folder")
	}
	var fault *message.FieldError
	if !errors.As(err, &fault) || fault.Field != "HTML" || !strings.Contains(err.Error(), "gone.png") {
		t.Error(err)
	}
}

func ExampleEmbed() {
	source := `<p>Dear Zoë,</p><p>see <a href="https://example.org/map">how to find us</a>.</p><img alt="Our house" src="logo.png">`
	page, err := markup.Embed(source, images)
	if err != nil {
		log.Fatal(err)
	}
	b := message.New().From("shop@example.org").To("zoe@example.org").Subject("Welcome")
	msg, err := page.AddTo(b).Text(markup.Text(source)).Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.HTML)
	fmt.Print(msg.Header("Content-Type")[:21], "\n\n", markup.Text(source))
	// Output:
	// <p>Dear Zoë,</p><p>see <a href="https://example.org/map">how to find us</a>.</p><img alt="Our house" src="cid:1.logo-png">
	// multipart/alternative
	//
	// Dear Zoë,
	//
	// see how to find us (https://example.org/map).
	//
	// Our house
}
