package depeche_test

import (
	"os"
	"testing"
)

// arrows is a statement of policy, not a description: it says which package may import which.
// The default answer to a new arrow is no; a change here needs a decision record in docs/adr.
// The key is a folder of the core module; "std" is always allowed. Folders of this module are named
// by their path, modules of others by their module path.
var arrows = map[string][]string{
	".": {
		"envelope", "internal/keys", "transport", "transport/file", "transport/sendmail",
		"transport/policy", "transport/smtp", "transport/stub",
	},
	"dkim":              {"internal/ascii", "envelope", "internal/linear", "internal/bodyscan", "transport"},
	"message":           {"envelope", "internal/bodyscan", "internal/linear", "internal/mimewire", "internal/xtext"},
	"message/eml":       {"envelope", "internal/mimeread", "internal/mimewire", "internal/bodyscan", "message", "message/markup"},
	"envelope":          {"golang.org/x/net", "golang.org/x/text", "internal/ascii", "internal/xtext"},
	"message/markup":    {"message", "golang.org/x/net"},
	"message/templates": {"message", "message/markup"},
	"mailtest": {
		"envelope", "internal/mimeread", "transport", "github.com/google/go-cmp", "golang.org/x/net/html",
	},
	"mailtest/preview":              {"envelope", "mailtest", "transport", "golang.org/x/net/html"},
	"transport":                     {"envelope", "internal/bodyscan", "internal/ending", "internal/panics", "transport/outcome"},
	"transport/outcome":             {"envelope"},
	"transport/policy":              {"transport", "envelope", "internal/ending", "internal/expired", "internal/panics", "internal/pause"},
	"transport/transporttest":       {"transport", "envelope", "github.com/google/go-cmp"},
	"transport/stub":                {"transport", "transport/outcome", "envelope", "internal/bodyscan", "internal/pause"},
	"transport/file":                {"transport", "envelope", "internal/bodyscan", "internal/mimeread"},
	"transport/sendmail":            {"transport", "envelope", "internal/bodyscan"},
	"transport/smtp/response":       {"internal/printable"},
	"transport/smtp/extension":      {"envelope", "internal/xtext", "transport/smtp/response"},
	"transport/smtp/authentication": {"internal/printable", "github.com/xdg-go/scram", "golang.org/x/sync"},
	"transport/smtp/commands":       {"envelope", "transport/smtp/extension"},
	"transport/smtp/client": {
		"envelope", "internal/dotio", "internal/ending", "internal/expired", "internal/bodyscan", "internal/panics", "transport/outcome",
		"transport/smtp/authentication", "transport/smtp/commands",
		"envelope", "internal/dotio", "internal/expired", "internal/bodyscan", "internal/panics",
		"transport/outcome", "transport/smtp/authentication", "transport/smtp/commands",
		"transport/smtp/extension", "transport/smtp/response",
	},
	"transport/smtp": {
		"envelope", "golang.org/x/net", "internal/expired", "internal/keys", "internal/linear", "internal/panics", "internal/pause", "internal/pool", "transport",
		"transport/outcome", "transport/smtp/authentication", "transport/smtp/client",
		"transport/smtp/extension", "transport/smtp/response",
	},
	"transport/smtp/diagnose": {
		"envelope", "transport/smtp", "transport/smtp/authentication", "transport/smtp/client",
		"transport/smtp/extension", "transport/smtp/response",
	},
	"transport/smtp/smtptest": {"internal/memconn"},
	"internal/charset":        {"internal/ascii", "golang.org/x/text"},
	"internal/chaos":          {},
	"internal/complexity":     {},
	"internal/ending":         {},
	"internal/docsnippet":     {},
	"internal/dotio":          {"internal/words"},
	"internal/expired":        {},
	"internal/faultconn":      {},
	"internal/keys":           {},
	"internal/linear":         {},
	"internal/memconn":        {},
	"internal/mimeread":       {"envelope", "internal/charset", "internal/mimewire"},
	"internal/oddmail":        {"golang.org/x/text"},
	"internal/mimewire":       {"envelope", "internal/ascii", "internal/words"},
	"internal/ascii":          {},
	"internal/benchtable":     {"internal/page"},
	"internal/bodyscan":       {"internal/words"},
	"internal/mutants":        {},
	"internal/page":           {},
	"internal/panics":         {},
	"internal/pause":          {},
	"internal/printable":      {},
	"internal/pgtest":         {},
	"internal/pool":           {"internal/expired", "internal/panics", "internal/pause"},
	"internal/words":          {},
	"internal/wiremodel":      {"internal/memconn"},
	"internal/xtext":          {},
	"ledger":                  {"internal/panics", "transport/policy", "transport", "envelope"},
	"internal/schedule":       {},
	"queue":                   {"internal/pause", "internal/printable", "internal/schedule", "ledger", "transport/policy", "transport", "envelope"},
	"queue/queuetest":         {"queue", "envelope", "ledger", "transport/policy", "transport/smtp/smtptest", "transport/smtp", "transport", "github.com/google/go-cmp"},
	"ledger/ledgertest":       {"ledger", "transport", "envelope", "github.com/google/go-cmp"},
}

// programs are the folders whose packages may import everything a user of the module may import.
var programs = []string{"examples"}

// budgets keep files and functions readable in one sitting. There is no waiver list: split by noun.
var budgets = limits{
	fileLines:     500,
	functionLines: 80,
	arguments:     5,
	results:       3,
}

// TestArchitecture holds the arrows, one package comment per package, a doc comment on every
// exported name and the size budgets over the whole checkout, nested modules included.
func TestArchitecture(t *testing.T) {
	c := checker{arrows: arrows, programs: programs, limits: budgets}
	faults, err := c.check(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}
