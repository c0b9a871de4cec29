//go:build !unix

package file

// processLives takes every process for a living one where there is no way to ask.
func processLives(int) bool { return true }
