// Package stores holds the tests that run real mail programs against the files of transport/file: procmail,
// mutt, Dovecot and Python's mailbox share one mbox file with the transport, and are killed at every step. It
// needs root on Debian.
package stores
