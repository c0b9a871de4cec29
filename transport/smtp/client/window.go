package client

// window is how many mails of a Stream may be in doubt: it begins with one, doubles with each mail that the
// server takes, and halves when it takes none of a mail's recipients.
type window struct{ open, max int }

func (w *window) grow() { w.open = min(2*w.open, w.max) }

func (w *window) shrink() { w.open = max(w.open/2, 1) }
