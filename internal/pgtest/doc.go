// Package pgtest starts servers of PostgreSQL (Debian package postgresql) for tests.
package pgtest
