package response

import "github.com/depeche-mail/depeche/internal/printable"

func protocolError(reason string, line []byte) error {
	const limit = 80
	return &ProtocolError{Reason: reason, Line: printable.Text(string(line[:min(len(line), limit)]))}
}
