// Package far sends to a real Postfix over a link with a round trip of 40 ms, and measures how much faster
// bulk sending is there than the standard library.
package far
