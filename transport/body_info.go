package transport

import "github.com/depeche-mail/depeche/internal/bodyscan"

// BodyInfo is what a transport must know of the octets of a mail before it sends it: how many there are, and what
// a server must be able to take. A Mail that knows has the method
//
//	BodyInfo() (BodyInfo, bool)
//
// whose second result is false when it does not know after all; the transport then reads the mail once.
type BodyInfo = bodyscan.Info

// InfoOf returns the BodyInfo of mail: its own word where it knows, otherwise what one pass over its octets shows.
// The error is that of the mail's WriteTo.
func InfoOf(mail Mail) (BodyInfo, error) { return bodyscan.Inspect(mail) }
