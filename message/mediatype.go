package message

import (
	"errors"
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// mediaTypes are the content types of file names. The list is our own, because that of the system
// differs from machine to machine, and with it would the messages.
var mediaTypes = map[string]string{
	".7z": "application/x-7z-compressed", ".aac": "audio/aac", ".avi": "video/x-msvideo",
	".avif": "image/avif", ".bmp": "image/bmp", ".bz2": "application/x-bzip2",
	".css": "text/css", ".csv": "text/csv", ".doc": "application/msword",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".eml":  "application/octet-stream", // message/rfc822 may not be encoded; see Embed
	".epub": "application/epub+zip", ".flac": "audio/flac", ".gif": "image/gif", ".gz": "application/gzip",
	".heic": "image/heic", ".htm": "text/html", ".html": "text/html", ".ico": "image/vnd.microsoft.icon",
	".ics": "text/calendar", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".js": "text/javascript",
	".json": "application/json", ".log": "text/plain", ".m4a": "audio/mp4", ".md": "text/markdown",
	".mov": "video/quicktime", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".mpeg": "video/mpeg",
	".odp": "application/vnd.oasis.opendocument.presentation",
	".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".odt": "application/vnd.oasis.opendocument.text", ".ogg": "audio/ogg", ".otf": "font/otf",
	".p7m": "application/pkcs7-mime", ".p7s": "application/pkcs7-signature", ".pdf": "application/pdf",
	".png": "image/png", ".ppt": "application/vnd.ms-powerpoint",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".ps":   "application/postscript", ".rar": "application/vnd.rar", ".rtf": "application/rtf",
	".svg": "image/svg+xml", ".tar": "application/x-tar", ".tif": "image/tiff", ".tiff": "image/tiff",
	".ttf": "font/ttf", ".txt": "text/plain", ".vcf": "text/vcard", ".wav": "audio/wav",
	".webm": "video/webm", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
	".xls":  "application/vnd.ms-excel",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":  "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml",
	".zip": "application/zip", ".zst": "application/zstd",
}

// guessType returns the content type of a file, by its name or else by the beginning of its content.
// Texts are said to be UTF-8 when all of them is.
func guessType(name string, s source) (media string, params []mimewire.Parameter, err error) {
	media = mediaTypes[strings.ToLower(path.Ext(name))]
	if media != "" && !strings.HasPrefix(media, "text/") {
		return media, nil, nil
	}
	if media == "" {
		const enough = 512 // it looks at no more
		head, err := sourceHead(s, enough)
		if err != nil {
			return "", nil, err
		}
		media, _, _ = strings.Cut(http.DetectContentType(head), ";")
	}
	if strings.HasPrefix(media, "text/") {
		var w utf8Watch
		if _, err := writeSource(&w, s); err != nil { // a charset is claimed of what was seen whole
			return "", nil, err
		}
		if w.isUTF8() {
			params = []mimewire.Parameter{{Name: "charset", Value: "utf-8"}}
		}
	}
	return media, params, nil
}

// utf8Watch is a writer that finds out whether what is written to it is UTF-8.
type utf8Watch struct {
	tail []byte // the beginning of a character
	bad  bool
}

func (w *utf8Watch) Write(p []byte) (int, error) {
	if w.bad {
		return len(p), nil
	}
	rest := p
	for len(w.tail) > 0 && len(rest) > 0 && !utf8.FullRune(w.tail) {
		w.tail, rest = append(w.tail, rest[0]), rest[1:]
	}
	if !utf8.FullRune(w.tail) && len(w.tail) > 0 {
		return len(p), nil
	}
	w.bad = !utf8.Valid(w.tail)
	w.tail = w.tail[:0]
	end := len(rest)
	for n := 1; n < utf8.UTFMax && n <= len(rest); n++ { // a character may go on in the next piece
		if c := rest[len(rest)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(rest[len(rest)-n:]) {
				end = len(rest) - n
			}
			break
		}
	}
	w.bad = w.bad || !utf8.Valid(rest[:end])
	w.tail = append(w.tail, rest[end:]...)
	return len(p), nil
}

func (w *utf8Watch) isUTF8() bool { return !w.bad && len(w.tail) == 0 }

// parseType takes a content type as the caller wrote it apart.
func parseType(s string) (media string, params []mimewire.Parameter, err error) {
	media, list, err := mime.ParseMediaType(s)
	switch {
	case err != nil:
		return "", nil, &FieldError{Field: "Type", Value: s, Err: err}
	case !strings.Contains(media, "/"):
		return "", nil, &FieldError{Field: "Type", Value: s, Err: errors.New("want type/subtype")}
	}
	return media, mimewire.SortParameters(list), nil
}
