package message

import "github.com/depeche-mail/depeche/internal/mimewire"

// addressFolder appends header fields, those of addresses too.
type addressFolder struct{ mimewire.Folder }

// mailbox appends a mailbox and the separator after it.
func (f *addressFolder) mailbox(m Mailbox, separator string) {
	if m.Name == "" {
		f.Address("", m.Address, separator)
		return
	}
	f.Phrase(m.Name)
	f.Address("<", m.Address, ">"+separator)
}

// list appends a field of addresses.
func (f *addressFolder) list(name string, l AddressList) {
	f.Begin(name)
	for i, e := range l.entries {
		separator := ","
		if i == len(l.entries)-1 {
			separator = ""
		}
		if e.group == nil {
			f.mailbox(e.mailbox, separator)
			continue
		}
		f.Phrase(e.group.Name)
		f.Word(":") // apart, because an encoded-word must have a space after it
		for j, m := range e.group.Members {
			between := ","
			if j == len(e.group.Members)-1 {
				between = ""
			}
			f.mailbox(m, between)
		}
		f.Word(";" + separator)
	}
	f.End()
}
