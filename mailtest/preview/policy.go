package preview

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
)

//go:embed assets/script.js
var scriptSource string

// script is the element that runs the script of our pages. It stands in the page, so that the policy can name it by
// what it says: no other script runs, whatever address it has.
var script = template.HTML("<script>" + scriptSource + "</script>") //nolint:gosec // it is a file of ours

// Content security policies. That of a frame holds in a window of its own, too.
var pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; script-src 'sha256-" + digest(scriptSource) +
	"'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const (
	framePolicy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'self'; sandbox"
	filePolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
	// pdfPolicy is for a PDF. The sandbox has to be here: Chromium does not show a PDF in a frame with the attribute.
	pdfPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
