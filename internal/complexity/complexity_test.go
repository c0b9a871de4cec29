package complexity

import (
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// How long the inputs are, how much longer one may take than as much input in pieces of the length before, and below
// which time nothing can be said.
const (
	short, long, longest = 20_000, 80_000, 320_000
	factor               = 2 // 1 is proportional; 4 is quadratic, as is 16 for the longest beside the short ones
	noticeable           = 20 * time.Millisecond
)

// octets are what the names in an alphabet stand for.
var octets = strings.NewReplacer("SP", " ", "CRLF", "\r\n", "LF", "\n", "TAB", "\t", "NUL", "\x00")

// TestLinear: four times the input takes less than twice as long as four inputs, whatever is repeated. COMPLEXITY is how many
// pieces are tried for each parser: make complexity tries many.
func TestLinear(t *testing.T) {
	pieces := 6
	if text := os.Getenv("COMPLEXITY"); text != "" {
		var err error
		if pieces, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(1)
	if pieces > 100 {
		seed = uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
	}
	random := rand.New(rand.NewPCG(seed, 2))
	for _, p := range parsers(t) {
		for _, u := range found[p.name] {
			check(t, p, u)
		}
		alphabet := strings.Fields(p.alphabet)
		for range pieces {
			check(t, p, unit(random, alphabet))
		}
	}
}

// found are pieces that a parser was quadratic on, by its name.
var found = map[string][]string{
	"eml of a header section":               {"From:\r\nFrom:--a--Subject:--a", " Fromboundary=Content-Type:\r\nFrom:"}, // the charset was looked up for each From
	"mimeread.ParseAddresses of many words": {"@a@group:"},                                                              // each colon looked for an @ from the first word on
	"mimeread.ReadSection of a long name":   {"a=b;\n"},                                                                 // each line was held against the whole name
	"message.ParseAddressList":              {`a""(,`},
	"mimeread.ParseAddresses":               {`a""(,`},
}

// unit is a few pieces of an alphabet.
func unit(random *rand.Rand, alphabet []string) string {
	var b strings.Builder
	for range 1 + random.IntN(6) {
		b.WriteString(octets.Replace(alphabet[random.IntN(len(alphabet))]))
	}
	return b.String()
}

// check compares the times for a unit repeated to both lengths, the short one as often as makes the same number of
// octets, since a clock may count in milliseconds. The best of five runs of each counts, because other programs use the
// machine too; where that is too long, once more, and then a greater length decides.
func check(t *testing.T, p parser, unit string) {
	t.Helper()
	few, many := repeated(unit, short), repeated(unit, long)
	var pieces, whole time.Duration
	for range 3 {
		whole = best(5, func() { p.parse(many) })
		if whole < noticeable {
			return
		}
		if pieces = best(5, times(long/short, func() { p.parse(few) })); whole < factor*pieces {
			return
		}
	}
	most, pieces := best(3, func() { p.parse(repeated(unit, longest)) }), best(3, times(longest/short, func() { p.parse(few) }))
	if most < factor*factor*pieces {
		return
	}
	t.Errorf("%s: %q takes %v for %d octets, and %v for pieces of %d", p.name, unit, most, longest, pieces, short)
}

func times(n int, f func()) func() {
	return func() {
		for range n {
			f()
		}
	}
}

func repeated(unit string, n int) string { return strings.Repeat(unit, n/len(unit)+1)[:n] }

// best is the shortest time of some runs; one that is short enough needs no other. The garbage of each run is
// collected before the next, never in it: how often it would be depends on more than the input.
func best(runs int, f func()) time.Duration {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	shortest := time.Duration(1<<63 - 1)
	for range runs {
		runtime.GC()
		if shortest = min(shortest, spent(f)); shortest < noticeable/16 {
			break
		}
	}
	return shortest
}

// TestQuadraticIsSeen: the test above notices a parser that looks back at each step.
func TestQuadraticIsSeen(t *testing.T) {
	quadratic := func(text string) {
		n := 0
		for i := range text {
			n += strings.Count(text[:i], "\x01")
		}
		if n > 0 {
			t.Error("the octet 1 is in the text")
		}
	}
	few, many := repeated("a(", short), repeated("a(", long)
	whole, pieces := best(3, func() { quadratic(many) }), best(3, times(long/short, func() { quadratic(few) }))
	if whole < noticeable || whole < factor*pieces {
		t.Errorf("%v for %d octets, %v in pieces of %d", whole, long, pieces, short)
	}
}

// elapsed is the time until f has ended.
func elapsed(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}
