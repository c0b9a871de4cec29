// Package diagnose finds out what a relay is and offers, and what to do about each usual mistake, without
// sending mail.
//
// For most programs one call is enough: [Run] with the builder of the transport, and the text of the [Report]
// for a person to read. The transport itself has a cheaper Check, which says only whether it could send.
package diagnose
