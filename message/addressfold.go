package message

import "github.com/depeche-mail/depeche/internal/mimewire"

// addressFolder appends header fields, those of addresses too.
type addressFolder struct{ mimewire.Folder }

// mailbox appends a mailbox, and a comma when more follow.
func (f *addressFolder) mailbox(m *Mailbox, more bool) {
	open, shut, comma := "<", ">", ">,"
	if m.Name == "" {
		open, shut, comma = "", "", ","
	} else {
		f.Phrase(m.Name)
	}
	if more {
		shut = comma
	}
	f.Address(open, m.Address, shut)
}

// list appends a field of addresses.
func (f *addressFolder) list(name string, l *AddressList) {
	if len(l.entries) == 1 && f.only(name, &l.entries[0]) {
		return
	}
	f.Begin(name)
	for i := range l.entries {
		e, more := &l.entries[i], i < len(l.entries)-1
		if e.group == nil {
			f.mailbox(&e.mailbox, more)
			continue
		}
		f.Phrase(e.group.Name)
		f.Word(":") // apart, because an encoded-word must have a space after it
		for j := range e.group.Members {
			f.mailbox(&e.group.Members[j], j < len(e.group.Members)-1)
		}
		if more {
			f.Word(";,")
		} else {
			f.Word(";")
		}
	}
	f.End()
}

// only writes a field of one mailbox, whose name is atoms, that has room on its line. It reports false for all others.
func (f *addressFolder) only(name string, e *addressEntry) bool {
	const most = mimewire.FoldAt - len(":  <>")
	m, address := &e.mailbox, e.mailbox.Address.String()
	if e.group != nil || len(name)+len(m.Name)+len(address) > most {
		return false
	}
	if m.Name == "" {
		f.Dst = append(append(append(append(f.Dst, name...), ": "...), address...), "\r\n"...)
		return true
	}
	if !mimewire.IsWords(m.Name) && (!mimewire.IsAtoms(m.Name) || !f.Plain(m.Name)) {
		return false
	}
	f.Dst = append(append(append(append(f.Dst, name...), ": "...), m.Name...), " <"...)
	f.Dst = append(append(f.Dst, address...), ">\r\n"...)
	return true
}
