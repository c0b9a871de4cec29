package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/fill"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// graceTime is how long mails that are on their way may take after an interrupt.
const graceTime = time.Minute

// maxRow bounds a line of a JSON list.
const maxRow = 16 << 20

func poolOf(connections int) smtp.Pool { return smtp.Pool{MaxOpen: connections} }

// row is one row of a list.
type row struct {
	number  int // from 1, without the header line
	to, key string
	data    map[string]any
}

// readList yields the rows of a CSV or JSON-lines file. After an error there are no more.
func readList(path string) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(row{}, err)
			return
		}
		defer func() { _ = file.Close() }() // it was only read
		read := jsonRows(file)
		if strings.EqualFold(filepath.Ext(path), ".csv") {
			read = csvRows(file)
		}
		for number := 1; ; number++ {
			data, err := read()
			if errors.Is(err, io.EOF) {
				return
			}
			r := row{number: number, data: data}
			if err == nil {
				err = r.name()
			}
			if err != nil {
				err = fmt.Errorf("%s, row %d: %w", path, number, err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// name finds the recipient and the key of a row.
func (r *row) name() error {
	if _, ok := r.data["to"]; !ok {
		return fmt.Errorf(`there is no field "to"; there are %q`, slices.Sorted(maps.Keys(r.data)))
	}
	r.to, _ = r.data["to"].(string)
	if r.to = strings.TrimSpace(r.to); r.to == "" {
		return errors.New(`the field "to" is empty, or not a text`)
	}
	r.key = r.to
	if key, ok := r.data["key"]; ok {
		r.key = fmt.Sprint(key)
	}
	return nil
}

func csvRows(file io.Reader) func() (map[string]any, error) {
	reader := csv.NewReader(file)
	reader.ReuseRecord = false
	names, errHeader := reader.Read()
	if len(names) > 0 {
		names[0] = strings.TrimPrefix(names[0], "\ufeff")
	}
	return func() (map[string]any, error) {
		if errHeader != nil {
			return nil, errHeader
		}
		fields, err := reader.Read()
		if err != nil {
			return nil, err
		}
		data := make(map[string]any, len(names))
		for i, name := range names {
			data[strings.TrimSpace(name)] = fields[i]
		}
		return data, nil
	}
}

func jsonRows(file io.Reader) func() (map[string]any, error) {
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxRow)
	return func() (map[string]any, error) {
		for lines.Scan() {
			if strings.TrimSpace(lines.Text()) == "" {
				continue
			}
			value, err := fill.ReadJSON(lines.Bytes())
			if err != nil {
				return nil, err
			}
			data, ok := value.(map[string]any)
			if !ok {
				return nil, errors.New("want a JSON object in each line")
			}
			return data, nil
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
}

// maxFaults is how many rows that cannot be composed are reported.
const maxFaults = 10

// checkList reads a list once and composes the mail of each row, so that a mistake in row 9,000 is found before row 1 is
// sent, and counts the rows.
func checkList(ctx context.Context, path string, compose func(row) error) (rows int, err error) {
	keys := map[string]int{}
	var faults []error
	for r, err := range readList(path) {
		if err == nil && ctx.Err() != nil {
			return 0, fail(exitTemporary, errors.New("interrupted before the first mail"))
		}
		if err != nil {
			return 0, errors.Join(append(faults, err)...)
		}
		if before, ok := keys[r.key]; ok {
			return 0, fmt.Errorf("%s: rows %d and %d have the key %q; give each row its own in a field \"key\"", path, before, r.number, r.key)
		}
		keys[r.key] = r.number
		rows++
		if err := compose(r); err != nil {
			faults = append(faults, fmt.Errorf("%s, row %d: %w", path, r.number, err))
		}
		if len(faults) == maxFaults {
			return 0, errors.Join(append(faults, errors.New("the rows after that were not looked at"))...)
		}
	}
	if rows == 0 {
		return 0, fmt.Errorf("%s: there is no row", path)
	}
	return rows, errors.Join(faults...)
}

// sendList sends a mail for each row of a list.
func (w *World) sendList(ctx context.Context, f sendFlags) error {
	if len(f.to) > 0 {
		return fail(exitUsage, errors.New(`--to does not go with --list: the field "to" of a row is the recipient`))
	}
	if f.url == "" && f.dryRun == "" && w.Getenv("MAIL_URL") == "" {
		return fail(exitUsage, errors.New("there is no relay: set --url or MAIL_URL"))
	}
	kind, _, err := w.kind(&f)
	if err != nil {
		return fail(exitData, err)
	}
	rows, err := checkList(ctx, f.list, func(r row) error {
		_, err := f.mail(kind, r.data, []string{r.to})
		return err
	})
	if err != nil {
		return failUnjudged(exitData, err)
	}
	t, cleanup, err := w.open(f)
	defer cleanup()
	if err != nil {
		return err
	}
	t, done, err := w.remember(t, f)
	defer done()
	if err != nil {
		return err
	}
	defer func() { _ = transport.Shutdown(context.WithoutCancel(ctx), t) }() // each row has its outcome
	run := &listRun{world: w, flags: f, kind: kind, progress: newProgress(w, rows), rows: map[int]row{}}
	return run.send(ctx, t)
}

// listRun is one run over a list.
type listRun struct {
	world    *World
	flags    sendFlags
	kind     *fill.Kind
	progress *progress
	fault    error // why the feed ended early

	mu   sync.Mutex
	rows map[int]row // those on their way, by their place in the feed
}

// feed yields the mails of the rows. It ends at the first that cannot be made any more: a file has changed since the list
// was checked.
func (l *listRun) feed(ctx context.Context) iter.Seq[transport.Mail] {
	return func(yield func(transport.Mail) bool) {
		index := 0
		for r, err := range readList(l.flags.list) {
			if ctx.Err() != nil {
				return
			}
			var mail transport.Mail
			if err == nil {
				mail, err = l.flags.mail(l.kind, r.data, []string{r.to})
			}
			if err != nil {
				l.fault = fmt.Errorf("row %d: %w", r.number, err)
				return
			}
			l.mu.Lock()
			l.rows[index] = row{number: r.number, key: r.key}
			l.mu.Unlock()
			index++
			if !yield(transport.WithKey(mail, r.key)) {
				return
			}
		}
	}
}

// send sends the rows, and shows what came of each.
func (l *listRun) send(ctx context.Context, t transport.Transport) error {
	// The first interrupt ends the feed; what is on its way has time to learn its verdict.
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		grace := time.NewTimer(graceTime)
		defer grace.Stop()
		select {
		case <-grace.C:
			cancel()
		case <-sending.Done():
		}
	})()
	for done, err := range transport.SendAll(sending, t, l.feed(ctx)) {
		l.progress.add(done.Result)
		l.show(done, err)
	}
	l.progress.end()
	// What came of the rows that were sent goes first: it may forbid another attempt.
	status, isShort := l.progress.all.status(), l.progress.mails < l.progress.rows
	switch {
	case l.fault != nil:
		return fail(cmp.Or(status, exitData), l.fault)
	case isShort && ctx.Err() != nil:
		return fail(cmp.Or(status, exitTemporary), fmt.Errorf("interrupted after %d of %d rows", l.progress.mails, l.progress.rows))
	case isShort:
		return fail(cmp.Or(status, exitData), fmt.Errorf("%s: %d of %d rows were sent: it changed meanwhile, or cannot be read twice", l.flags.list, l.progress.mails, l.progress.rows))
	case status != exitOK:
		return fail(status, errSilent)
	}
	return nil
}

// show shows what came of a row.
func (l *listRun) show(done transport.BulkResult, err error) {
	l.mu.Lock()
	r := l.rows[done.Index]
	delete(l.rows, done.Index)
	l.mu.Unlock()
	l.world.showResult(l.flags.json, r, done.Result, err)
}
