package transport

import (
	"slices"
	"strings"
)

// SignatureRules is what a relay does with DKIM signatures that come with a mail. The zero value means that it
// takes them and lets the fields be that they cover.
type SignatureRules struct {
	// SignsItself tells that the relay signs mail for the domains that its customer has set up there, so
	// that the mail needs no other signature.
	SignsItself bool
	// Max is how many DKIM-Signature fields a mail may have; 0 means that the relay names no limit.
	Max int
	// Rewrites are fields that the relay replaces or removes, so that a signature over them would break.
	Rewrites []string
}

// Merge returns rules that keep both.
func (r SignatureRules) Merge(other SignatureRules) SignatureRules {
	r.SignsItself = r.SignsItself && other.SignsItself
	if r.Max == 0 || other.Max > 0 && other.Max < r.Max {
		r.Max = other.Max
	}
	r.Rewrites = slices.Clone(r.Rewrites)
	for _, name := range other.Rewrites {
		if !slices.ContainsFunc(r.Rewrites, func(have string) bool { return strings.EqualFold(have, name) }) {
			r.Rewrites = append(r.Rewrites, name)
		}
	}
	return r
}

// SignatureRuler is the ability of a Transport to say what its relay does with signatures. A transport over
// several others says what all of them allow.
type SignatureRuler interface{ SignatureRules() SignatureRules }

// SignatureRulesOf asks t for its rules; a t that cannot tell is taken to allow everything.
func SignatureRulesOf(t Transport) SignatureRules {
	if r, ok := t.(SignatureRuler); ok {
		return r.SignatureRules()
	}
	return SignatureRules{}
}
