package bolt

import (
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// whole reports a file that was cut short, as by a copy that did not end: bbolt maps it into memory, and to read beyond its end
// ends the process. Without writing, bbolt reads no more of it than its first two pages.
func whole(path string, wait time.Duration) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return nil //nolint:nilerr // it is made
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: wait})
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	return db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(path)
		if err == nil && info.Size() < tx.Size() {
			err = fmt.Errorf("the file is cut short: %d octets of %d are there", info.Size(), tx.Size())
		}
		return err
	})
}
