// Package wiremodel is a mail server for tests that gives every odd answer a server can give, at every
// step, and knows what it has stored. It shares no code with the client: it has its own connection in
// memory, its own parser and its own ledger. A search plays all dialogues between the two, one by one.
//
// It is for the tests of this module only.
package wiremodel
