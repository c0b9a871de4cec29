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
	"time"

	"github.com/depeche-mail/depeche/interop/chromium"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

// pink is the colour of the inline image, and of nothing else.
var pink = color.RGBA{R: 0xe6, G: 0x00, B: 0x7a, A: 0xff}

const width, height = 200, 120 // of the inline image

func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(pink), image.Point{}, draw.Src)
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

// pinks counts the pixels of that colour within an area.
func pinks(img image.Image, area image.Rectangle) (n int) {
	area = area.Intersect(img.Bounds())
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if color.RGBAModel.Convert(img.At(x, y)) == pink {
				n++
			}
		}
	}
	return n
}

// TestMailShows takes pictures of the page of a mail with and without its inline image.
func TestMailShows(t *testing.T) {
	base := message.New().From("Zoë <zoe@example.org>").To("Hei <hei@example.org>").Subject("Grüße").
		Text("Be happy!").HTML(`<h1>Be happy!</h1><p>The picture: <img src="cid:picture@1" alt="missing"></p>`).
		Attach(message.Bytes("Plan für 2027.pdf", []byte("%PDF-1.4")))
	cases := map[string]struct {
		builder message.Builder
		want    int
	}{
		"with its image":    {base.Clone().Inline("picture@1", message.Bytes("p.png", picture(t))), width * height},
		"another image":     {base.Clone().Inline("picture@2", message.Bytes("p.png", picture(t))), 0},
		"as an attachment":  {base.Clone().Attach(message.Bytes("p.png", picture(t))), 0},
		"not what it seems": {base.Clone().Inline("picture@1", message.Bytes("p.png", []byte("<svg>"))), 0},
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
			shot, file := tab.Screenshot(t)
			if n := pinks(shot, frame); n != tc.want || pinks(shot, shot.Bounds()) != n {
				t.Errorf("%d pixels have the colour of the image, want %d", n, tc.want)
			}
			if link := tab.Rect(t, "a.file"); link.Empty() || !link.In(shot.Bounds()) {
				t.Errorf("the attachment is at %v", link)
			}
			var attachment, style string
			tab.Evaluate(t, `document.querySelector("a.file").textContent`, &attachment)
			tab.Evaluate(t, `getComputedStyle(document.querySelector("iframe")).resize`, &style)
			if attachment != "Plan für 2027.pdf" || style != "vertical" {
				t.Errorf("attachment %q, style %q", attachment, style)
			}
			if t.Failed() {
				path := filepath.Join(os.TempDir(), "preview.png")
				t.Logf("%s: %v", path, os.WriteFile(path, file, 0o600))
			}
		})
	}
}

// TestClick follows a link within a mail, which turns the frame pink.
func TestClick(t *testing.T) {
	mail, err := message.New().From("a@example.org").To("b@example.org").Text("x").
		HTML(`<style>p:target { background: #e6007a; position: fixed; inset: 0 }</style><p id="x"></p><a href="#x" ` + cover + `>x</a>`).Build()
	if err != nil {
		t.Fatal(err)
	}
	tab := chromium.Start(t).Open(t)
	tab.Load(t, serve(t, mail))
	frame := tab.Rect(t, "iframe")
	if shot, _ := tab.Screenshot(t); pinks(shot, frame) > 0 {
		t.Fatal("it is pink before")
	}
	clickFrame(t, tab)
	for deadline := time.Now().Add(time.Minute); ; {
		shot, _ := tab.Screenshot(t) // each is of another frame of the screen, so this does not spin
		if pinks(shot, frame) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the click did not reach the frame")
		}
	}
}
