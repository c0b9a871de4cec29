package preview_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/interop/chromium"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

var (
	// pink is the colour of the inline image that a test is about, or of what shows that a click was felt.
	pink = color.RGBA{R: 0xe6, G: 0x00, B: 0x7a, A: 0xff}
	// teal is the colour of what shows that the frame is there, or that it feels the mouse.
	teal = color.RGBA{R: 0x00, G: 0x96, B: 0x88, A: 0xff}
)

const width, height = 200, 120 // of the inline images

func picture(t *testing.T, colour color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(colour), image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// serve shows a mail, and returns the address of its page.
func serve(t *testing.T, mail transport.Mail) string {
	t.Helper()
	inbox := mailtest.New()
	if _, err := inbox.Send(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(preview.New(inbox))
	t.Cleanup(server.Close)
	return server.URL + "/mail/" + inbox.Mails()[0].ID() + "/"
}

// count counts the pixels of a colour within an area.
func count(img image.Image, colour color.RGBA, area image.Rectangle) (n int) {
	area = area.Intersect(img.Bounds())
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if color.RGBAModel.Convert(img.At(x, y)) == colour {
				n++
			}
		}
	}
	return n
}

// TestMailShows takes pictures of the page of a mail with and without its inline image. Another one that
// every mail has, below it, shows that the frame is on the screen, and the first one, which is decoded before
// anything is shown, with it.
func TestMailShows(t *testing.T) {
	base := message.New().UncheckedInline().From("Zoë <zoe@example.org>").To("Hei <hei@example.org>").Subject("Grüße").
		Text("Be happy!").HTML(`<h1>Be happy!</h1><p>The picture: <img src="cid:picture@1" alt="missing" decoding="sync"></p><img src="cid:teal@1">`).
		Attach(message.FileBytes("Plan für 2027.pdf", []byte("%PDF-1.4"))).
		Inline("teal@1", message.FileBytes("teal.png", picture(t, teal)))
	cases := map[string]struct {
		builder message.Builder
		want    int
	}{
		"with its image":    {base.Clone().Inline("picture@1", message.FileBytes("p.png", picture(t, pink))), width * height},
		"another image":     {base.Clone().Inline("picture@2", message.FileBytes("p.png", picture(t, pink))), 0},
		"as an attachment":  {base.Clone().Attach(message.FileBytes("p.png", picture(t, pink))), 0},
		"not what it seems": {base.Clone().Inline("picture@1", message.FileBytes("p.png", []byte("<svg>"))), 0},
	}
	tab := chromium.Start(t).Open(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mail, err := tc.builder.Build()
			if err != nil {
				t.Fatal(err)
			}
			tab.Load(t, serve(t, mail))
			frame := tab.Rect(t, "iframe")
			shot, file, ok := tab.Shows(t, func(shot image.Image) bool {
				return count(shot, teal, frame) == width*height && count(shot, pink, frame) >= tc.want
			})
			if all := shot.Bounds(); !ok || count(shot, pink, all) != tc.want {
				t.Errorf("of the image %d pixels are in the frame and %d on the page, want %d; of the other one %d",
					count(shot, pink, frame), count(shot, pink, all), tc.want, count(shot, teal, frame))
			}
			if link := tab.Rect(t, "a.file"); link.Empty() || !link.In(shot.Bounds()) {
				t.Errorf("the attachment is at %v", link)
			}
			var attachment string
			tab.Evaluate(t, `document.querySelector("a.file").textContent`, &attachment)
			if attachment != "Plan für 2027.pdf" {
				t.Errorf("attachment %q", attachment)
			}
			if t.Failed() {
				path := filepath.Join(os.TempDir(), "preview.png")
				t.Logf("%s: %v", path, os.WriteFile(path, file, 0o600))
			}
		})
	}
}

// TestClick follows a link within a mail, which covers the frame with another colour.
func TestClick(t *testing.T) {
	mail, err := message.New().From("a@example.org").To("b@example.org").Text("x").
		HTML(coverStyle + `<style>p:target { background: #e6007a; position: fixed; inset: 0; z-index: 1 }</style><p id="x"></p><a href="#x" ` + cover + `>x</a>`).Build()
	if err != nil {
		t.Fatal(err)
	}
	tab := chromium.Start(t).Open(t)
	tab.Load(t, serve(t, mail))
	frame := tab.Rect(t, "iframe")
	clickCover(t, tab, frame) // nothing is pink now
	if _, _, ok := tab.Shows(t, func(shot image.Image) bool { return count(shot, pink, frame) > 0 }); !ok {
		t.Fatal("the click did not reach the frame")
	}
}
