// Package signed measures what signatures cost, beside another library that signs and beside mail without them.
package signed
