package mimewire

import "testing"

// TestIsWords: words are letters, digits and single spaces between them, and are written as they are.
func TestIsWords(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "a": true, "Jane Doe": true, "R2 D2": true, " a": false, "a ": false, "a  b": false, " ": false, "J. Doe": false, "a-b": false, "ü": false, "a\tb": false,
		"=?x": false, "a@b": false,
	} {
		if IsWords(text) != want {
			t.Errorf("IsWords(%q) is %v", text, !want)
		}
		if f := new(Folder); want && (!IsAtoms(text) || !f.Plain(text)) {
			t.Errorf("%q is no row of atoms", text)
		}
	}
}
