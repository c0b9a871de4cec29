// Package mimeread reads mail as others wrote it: header sections, structured fields in the current and the
// obsolete syntax of RFC 5322, content types, transfer encodings, multiparts and mbox separators. Its readers
// are total: they return what can be read, say what can't, and take time that is linear in their input.
//
// Leniency chooses what is shown, never who receives: an address that can't be read for certain is reported
// and makes the derived envelope unusable.
package mimeread
