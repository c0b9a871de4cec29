package preview

import (
	"bytes"
	"net/http"
	"path"
	"strings"

	"github.com/depeche-mail/depeche/mailtest"
)

// file is a part that can be saved, and perhaps be looked at.
type file struct {
	Number                             int
	Name, Type, Size, ContentID, Label string
	IsInline, IsImage, IsPDF           bool
}

// files returns the parts of a mail besides its text and HTML.
func files(view *mailtest.View) []file {
	var list []file
	for i, p := range parts(view) {
		f := file{
			Number: i, Name: cut(p.Name, maxTitle), Type: cut(p.Type, maxTitle), Size: size(int64(len(p.Data))), ContentID: cut(p.ContentID, maxTitle),
			IsInline: i < len(view.Inline), IsImage: safeType(p.Data) != octets, IsPDF: isPDF(p.Data),
		}
		if f.Name == "" {
			f.Name = "(no name)"
		}
		f.Label = label(p)
		list = append(list, f)
	}
	return list
}

// label returns the few letters of an icon: the extension of the name, else the subtype.
func label(p mailtest.Part) string {
	text := strings.TrimPrefix(path.Ext(p.Name), ".")
	if text == "" {
		_, text, _ = strings.Cut(p.Type, "/")
	}
	const limit = 4
	letters := make([]rune, 0, limit)
	for _, r := range strings.ToUpper(text) {
		if len(letters) < limit && (r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') {
			letters = append(letters, r)
		}
	}
	if len(letters) == 0 {
		return "FILE"
	}
	return string(letters)
}

func isPDF(data []byte) bool { return bytes.HasPrefix(data, []byte("%PDF-")) }

// view answers with a document that shows a part, for a frame: an image within a page that may do nothing, or a PDF.
func view(w http.ResponseWriter, r *http.Request, m *mailtest.Mail) {
	p, number, ok := findPart(r, m)
	switch {
	case ok && safeType(p.Data) != octets:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", framePolicy)
		_ = pages.ExecuteTemplate(w, "image", number) // what fails is the connection
	case ok && isPDF(p.Data):
		w.Header().Set("Content-Type", "application/pdf")
		w.Header().Set("Content-Security-Policy", pdfPolicy)
		_, _ = w.Write(p.Data) // what fails is the connection
	default:
		http.Error(w, "There is no such image or PDF.", http.StatusNotFound)
	}
}
