package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A mutant is one fault put into one file: the text old, which occurs once in it, becomes new.
type mutant struct {
	id       string // unique, says what breaks
	file     string // from the root of the checkout
	module   string // the folder of the module whose tests these are; "" is the core's
	old, new string
	tests    []string // arguments of `go test` in the module, after the flags; the package of the file when there are none
}

// catalog reads all mutants of the text files in a folder, in the order of the files' names.
//
// A file is a row of entries:
//
//	== id
//	file: path/of/the.go
//	module: path
//	test: ./package -run TestName
//	-- old
//	lines of the code as it is
//	-- new
//	lines of the code as it becomes, or none
//
// The line "module:" names a nested module, in whose folder the tests are run. It and "test:" may be left out. An entry ends where the next one begins, or the file.
func catalog(folder fs.FS) ([]mutant, error) {
	names, err := fs.Glob(folder, "*.txt")
	if err != nil {
		return nil, err
	}
	var list []mutant
	seen := map[string]bool{}
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		entries := strings.Split("\n"+string(text), "\n== ")
		for _, entry := range entries[1:] {
			m, err := parse(entry)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s: %q: %w", name, m.id, err)
			case seen[m.id]:
				return nil, fmt.Errorf("%s: %q stands there twice", name, m.id)
			}
			seen[m.id] = true
			list = append(list, m)
		}
	}
	return list, nil
}

func parse(entry string) (mutant, error) {
	head, rest, ok := strings.Cut(strings.TrimRight(entry, "\n")+"\n", "\n-- old\n")
	was, is, both := strings.Cut(rest, "-- new\n")
	id, fields, _ := strings.Cut(head, "\n")
	m := mutant{id: strings.TrimSpace(id), old: strings.TrimSuffix(was, "\n"), new: strings.TrimSuffix(is, "\n")}
	if !ok || !both {
		return m, errors.New("want a line -- old and a line -- new")
	}
	for line := range strings.Lines(fields) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "file":
			m.file = value
		case "module":
			m.module = value
		case "test":
			m.tests = strings.Fields(value)
		case "":
		default:
			return m, fmt.Errorf("unknown line %q", line)
		}
	}
	if m.file == "" || m.old == "" || m.old == m.new {
		return m, errors.New("want a file, an old text, and another new one")
	}
	if m.tests == nil {
		folder, inside := strings.CutPrefix(path.Dir(m.file)+"/", m.module)
		if !inside {
			return m, errors.New("want a test, because the file is not in the module")
		}
		m.tests = []string{"./" + strings.Trim(folder, "/")}
	}
	return m, nil
}

// apply returns the file's text with the fault.
func (m *mutant) apply(tree fs.FS) (string, error) {
	text, err := fs.ReadFile(tree, m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s: the old text occurs %d times in %s, want once: carry the fault over to the code of today", m.id, n, m.file)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}
