package preview

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/depeche-mail/depeche/mailtest"
)

// octets is the type of what a browser must not look into.
const octets = "application/octet-stream"

// parts returns the parts in the order of their numbers.
func parts(view *mailtest.View) []mailtest.Part {
	return append(view.Inline[:len(view.Inline):len(view.Inline)], view.Attachments...)
}

// partLink returns the address of a part, relative to the page and to the frame of its mail.
func partLink(number int) string { return "part/" + strconv.Itoa(number) }

// cidLinks returns the addresses of the parts by Content-ID, and by Content-Location (RFC 2557). Of two with the
// same the first is meant.
func cidLinks(parts []mailtest.Part) map[string]string {
	links := map[string]string{}
	for i, p := range parts {
		if _, ok := links[p.ContentID]; !ok && p.ContentID != "" {
			links[p.ContentID] = partLink(i)
		}
		if _, ok := links[p.Location]; !ok && p.Location != "" {
			links[p.Location] = partLink(i)
		}
	}
	return links
}

// findPart returns the part that a request names.
func findPart(r *http.Request, m *mailtest.Mail) (p mailtest.Part, number int, ok bool) {
	all := parts(m.View())
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number < 0 || number >= len(all) {
		return mailtest.Part{}, 0, false
	}
	return all[number], number, true
}

// part answers with a part of a mail. A browser shows it where an image is expected, and saves it elsewhere.
func part(w http.ResponseWriter, r *http.Request, m *mailtest.Mail) {
	p, _, ok := findPart(r, m)
	if !ok {
		http.Error(w, "There is no such part.", http.StatusNotFound)
		return
	}
	media := safeType(p.Data)
	if media != octets {
		// The frame is sandboxed, so it counts as another origin than this one. What can be loaded from
		// elsewhere by this is an image whose address holds the random ID of its mail.
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	save(w, media, p.Name)
	_, _ = w.Write(p.Data) // what fails is the connection
}

// safeType returns the type of an image by its content, because what a mail claims is not to be trusted. SVG
// is left out: it can hold scripts.
func safeType(data []byte) string {
	switch media := http.DetectContentType(data); media {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return media
	default:
		return octets
	}
}

// save makes a browser save what it does not show as an image.
func save(w http.ResponseWriter, media, name string) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(name)}))
}

// fileName returns a name without a path, a leading dot, or characters that are not seen, such as one that
// turns the direction of writing around to hide the extension.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return -1
		}
		return r
	}, name)
	const limit = 120
	runes := []rune(strings.TrimLeft(name, ". "))
	if len(runes) > limit {
		runes = runes[len(runes)-limit:] // the extension stays
	}
	if len(runes) == 0 {
		return "attachment"
	}
	return string(runes)
}

// source shows the octets of a mail as text.
func source(w http.ResponseWriter, _ *http.Request, m *mailtest.Mail) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = m.WriteTo(w) // as above
}

// download saves the octets of a mail.
func download(w http.ResponseWriter, _ *http.Request, m *mailtest.Mail) {
	save(w, octets, fmt.Sprintf("%s.eml", m.ID()))
	_, _ = m.WriteTo(w) // as above
}
