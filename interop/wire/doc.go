// Package wire sends through real servers in every form that each of them offers, and compares what
// arrived with what was sent.
package wire
