package preview_test

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/chromium"
	"github.com/depeche-mail/depeche/message"
)

// paper is a PDF of one page that is teal, with more in its catalogue.
func paper(catalogue string) []byte {
	const paint = "0 0.588 0.533 rg 0 0 300 200 re f"
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R%s>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<<>>>>endobj\n"+
		"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF\n", catalogue, len(paint), paint)
}

// isTeal reports whether a colour is the one of the paper, as far as a viewer keeps it.
func isTeal(c color.Color) bool {
	got, near := color.RGBAModel.Convert(c).(color.RGBA), func(a, b uint8) bool { return max(a, b)-min(a, b) < 8 }
	return near(got.R, teal.R) && near(got.G, 0x96) && near(got.B, 0x88)
}

// TestPDFShows looks into PDFs among the parts of a mail: the viewer shows the page, and nothing that a PDF asks for when it
// is opened leaves.
func TestPDFShows(t *testing.T) {
	tab := chromium.Start(t).Open(t)
	for name, catalogue := range map[string]string{
		"plain":          "",
		"opens a URI":    "/OpenAction<</S/URI/URI(CANARY/uri)>>",
		"runs a script":  "/OpenAction<</S/JavaScript/JS(app.launchURL\\('CANARY/js', true\\); this.submitForm\\('CANARY/form'\\);)>>",
		"sends a form":   "/OpenAction<</S/SubmitForm/F<</FS/URL/F(CANARY/submit)>>>>",
		"opens a remote": "/OpenAction<</S/GoToR/F<</FS/URL/F(CANARY/remote.pdf)>>/D[0/Fit]>>",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCanary(t)
			mail, err := message.New().From("a@example.org").To("b@example.org").Text("x").Attach(message.FileBytes("bill.pdf", paper(strings.ReplaceAll(catalogue, "CANARY", c.URL)))).Build()
			if err != nil {
				t.Fatal(err)
			}
			address := serve(t, mail)
			tab.Load(t, address+"?view=parts")
			tab.Click(t, ".parts summary")
			frame := tab.Rect(t, "iframe.document")
			shot, file, ok := tab.Shows(t, func(shot image.Image) bool { return countTeal(shot, frame) > 1000 })
			if !ok {
				path := filepath.Join(os.TempDir(), "pdf.png")
				t.Errorf("%d pixels of the page are in the frame %v, see %s: %v", countTeal(shot, frame), frame, path, os.WriteFile(path, file, 0o600))
			}
			var where string
			tab.Evaluate(t, "location.pathname + location.search", &where)
			if who := c.heard(); len(who) > 0 || !strings.HasSuffix(address+"?view=parts", where) {
				t.Errorf("the canary heard %v, and the page is at %s", who, where)
			}
		})
	}
}

func countTeal(img image.Image, area image.Rectangle) (n int) {
	area = area.Intersect(img.Bounds())
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if isTeal(img.At(x, y)) {
				n++
			}
		}
	}
	return n
}
