//go:build !linux

package client

// acknowledge does nothing: only Linux has an option for it.
func (*peeker) acknowledge() {}
