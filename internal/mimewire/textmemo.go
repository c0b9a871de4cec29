package mimewire

// TextMemo looks at texts, and remembers one: bulk mail often has the same text for all. Its zero value is ready.
type TextMemo struct {
	size  int    // of the last text
	text  []byte // a copy of one that came twice in a row, or of another one as long as the one before
	facts TextFacts
}

// Scan returns what ScanText does.
func (m *TextMemo) Scan(text string) TextFacts {
	const most = 8 << 10 // that is remembered
	if len(text) != m.size || text == "" {
		m.size = len(text)
		return ScanText(text)
	}
	if string(m.text) == text {
		return m.facts
	}
	facts := ScanText(text)
	if len(text) <= most {
		m.text, m.facts = append(m.text[:0], text...), facts
	}
	return facts
}
