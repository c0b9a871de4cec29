// Package page writes what a command measured into a page of the docs, and what a figure looks like there.
package page

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Begin returns the mark after which a page has what a command makes, and End the mark after that.
func Begin(command string) string { return "<!-- made by `" + command + "` -->\n" }

// End returns the mark that ends what a command makes.
func End(command string) string { return "<!-- end of what `" + command + "` makes -->\n" }

// Fill puts a table between the marks of a command, which must be in the page already.
func Fill(path, command, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), Begin(command))
	_, after, ended := strings.Cut(rest, End(command))
	if !found || !ended {
		return errors.New(path + " has not got both marks of " + command)
	}
	return os.WriteFile(path, []byte(before+Begin(command)+table+End(command)+after), 0o644) //nolint:gosec // a page of the documentation
}

// Median returns the median of at least one value.
func Median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// Duration writes nanoseconds with two or three digits that count.
func Duration(nanoseconds float64) string {
	unit, name := time.Nanosecond, "ns"
	switch d := time.Duration(nanoseconds); {
	case d >= time.Millisecond:
		unit, name = time.Millisecond, "ms"
	case d >= time.Microsecond:
		unit, name = time.Microsecond, "µs"
	}
	value := nanoseconds / float64(unit)
	if value < 100 && unit > time.Nanosecond {
		return fmt.Sprintf("%.1f %s", value, name)
	}
	return fmt.Sprintf("%.0f %s", value, name)
}
