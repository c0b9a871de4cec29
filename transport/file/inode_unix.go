//go:build unix

package file

import (
	"os"
	"syscall"
)

// inodeOf returns the number that the file system knows a file by.
func inodeOf(info os.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}
