// Package envelope holds who sends and who receives a message, as SMTP sees it, and what the
// sender asks of the servers on the way.
//
// An [Address] is parsed once and always prints in one canonical, correctly quoted form, so that
// no later step joins strings and parses them again. An [Envelope] is a reverse-path, at least one
// recipient and the delivery options; it never changes after it was made and is safe for
// concurrent use.
//
// The envelope decides where a message goes. The To and Cc fields that readers see are content
// and belong to package message.
//
// Grammar: RFC 5321 section 4.1.2 and RFC 6531 section 3.3; domains are kept as A-labels
// (RFC 5890 section 2.3.2.1), so only a local part can require SMTPUTF8.
package envelope
