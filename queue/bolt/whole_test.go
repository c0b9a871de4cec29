package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
)

// TestCutShort: a file that was cut short is an error; to read what is not there would end the process.
func TestCutShort(t *testing.T) {
	folder := t.TempDir()
	e, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []queue.Entry
	for i := range 500 {
		list = append(list, queue.Entry{Job: queue.Job{Key: fmt.Sprintf("%0200d", i)}, Payload: make([]byte, 1000)})
	}
	_, err = e.Put(t.Context(), list)
	if err = errors.Join(err, e.Close(), os.Truncate(filepath.Join(folder, "queue.db"), int64(4*os.Getpagesize()))); err != nil {
		t.Fatal(err)
	}
	if e, err := bolt.Open(folder, bolt.Options{}); err == nil {
		t.Errorf("it was opened: %v", e.Close())
	}
}
