package mailtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxQuery bounds a query in octets; a person types less.
const maxQuery = 1 << 10

// Search makes a Match of what a person types into a search field. All words must be found, in any case:
//
//	welcome            in the subject, the text, what the HTML shows, From, To, Cc or a file name
//	"good to have"     several words in a row
//	from:hei           in From or the sender of the envelope
//	to:example.org     in To, Cc or the recipients of the envelope
//	subject:"an order" in the subject
//	text:token         in the text or in what the HTML shows
//	has:attachment     with an attachment
//	-subject:test      not that one
//
// An empty query matches every mail. The error names a key after "has:" that does not exist, a quotation mark
// without its second, and a query of more than 1024 octets; a word with an unknown key, such as "12:30", is a word.
func Search(query string) (Match, error) {
	if len(query) > maxQuery {
		return Match{}, fmt.Errorf("mailtest: a query of %d octets; shorten it to %d", len(query), maxQuery)
	}
	var all []Match
	for rest := query; ; {
		term, after, err := cutTerm(rest)
		switch {
		case err != nil:
			return Match{}, err
		case term == "":
			return All(all...), nil
		}
		match, err := readTerm(term)
		if err != nil {
			return Match{}, err
		}
		all, rest = append(all, match), after
	}
}

var errQuotation = errors.New(`mailtest: a quotation mark without its second; end the words with "`)

// cutTerm returns the first term of a query, which ends at white space outside of quotation marks.
func cutTerm(query string) (term, rest string, err error) {
	query = strings.TrimLeftFunc(query, unicode.IsSpace)
	isQuoted := false
	for i, r := range query {
		switch {
		case r == '"':
			isQuoted = !isQuoted
		case unicode.IsSpace(r) && !isQuoted:
			return query[:i], query[i:], nil
		}
	}
	if isQuoted {
		return "", "", errQuotation
	}
	return query, "", nil
}

func readTerm(term string) (Match, error) {
	bare, isNegative := strings.CutPrefix(term, "-")
	if bare == "" {
		bare, isNegative = term, false
	}
	match, err := readWord(bare)
	if isNegative {
		match = Not(match)
	}
	return match, err
}

func readWord(term string) (Match, error) {
	key, value, hasKey := strings.Cut(term, ":")
	wanted := foldCase(strings.ReplaceAll(value, `"`, ""))
	switch strings.ToLower(key) {
	case "from":
		return contains("From", wanted, func(m *Mail) []string { return append(m.fields("From"), m.envelope.From().String()) }), nil
	case "to":
		return contains("a recipient", wanted, recipients), nil
	case "subject":
		return contains("Subject", wanted, func(m *Mail) []string { return m.fields("Subject") }), nil
	case "text":
		return contains("the text", wanted, func(m *Mail) []string { return []string{m.words()} }), nil
	case "has":
		if hasKey && wanted == "attachment" {
			return Matching("has an attachment", func(m *Mail) bool { return len(m.View().Attachments) > 0 }), nil
		}
		if hasKey {
			return Match{}, fmt.Errorf("mailtest: has:%s is not known; use has:attachment", value)
		}
	}
	return contains("it", foldCase(strings.ReplaceAll(term, `"`, "")), everywhere), nil
}

// contains matches when one of the places of a mail has the wanted words.
func contains(where, wanted string, places func(*Mail) []string) Match {
	wanted = oneLine(wanted)
	return Matching(fmt.Sprintf("%s has %q", where, wanted), func(m *Mail) bool {
		return slices.ContainsFunc(places(m), func(place string) bool { return strings.Contains(foldCase(place), wanted) })
	})
}

func recipients(m *Mail) []string {
	list := m.fields("To", "Cc")
	for _, r := range m.envelope.Recipients() {
		list = append(list, r.Address.String())
	}
	return list
}

func everywhere(m *Mail) []string {
	list := append(recipients(m), m.words(), m.envelope.From().String())
	return append(list, m.fields("Subject", "From")...)
}

// fields returns the values of the header fields with these names.
func (m *Mail) fields(names ...string) []string {
	var list []string
	for _, f := range m.View().Header {
		if slices.Contains(names, f.Name) {
			list = append(list, f.Value)
		}
	}
	return list
}

// words returns what a reader sees of a mail besides its header, in lower case.
func words(v *View) string {
	text := []string{oneLine(v.Text), visible(v.HTML)}
	for _, part := range v.Attachments {
		text = append(text, part.Name)
	}
	return foldCase(strings.Join(text, "\n"))
}

// foldCase makes texts equal that differ in case alone, well enough for a search.
func foldCase(s string) string { return strings.ToLower(s) }
