//go:build !unix

package file

import "os"

// inodeOf knows no number here, where no mailbox is written.
func inodeOf(os.FileInfo) uint64 { return 0 }
