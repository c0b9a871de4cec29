package depeche

import (
	"errors"
	"log/slog"
	"strings"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/stub"
)

// The schemes of transports from which mail goes nowhere.
const (
	schemeDiscard = "discard"
	schemeLog     = "log"
	schemeStub    = "stub"
)

var (
	errAfterScheme = errors.New("nothing may follow this scheme")
	errLog         = errors.New("want true or false")
)

// nowhere is the form of a transport from which mail goes nowhere: stub records it in memory, discard drops it.
type nowhere struct {
	local

	scheme string
}

func readNowhere(scheme, rest string) (form, error) {
	if rest != "" {
		return nil, fault(scheme, errAfterScheme)
	}
	return nowhere{scheme: scheme}, nil
}

func (n nowhere) open() (transport.Transport, error) {
	if n.scheme == schemeDiscard {
		return transport.Discard(), nil
	}
	return stub.New(), nil
}

func (n nowhere) text(func(smtp.URL) string) string { return n.scheme + ":" }

func (n nowhere) withPasswordFile(string) (form, bool) { return n, false }

// The keys of a log.
const (
	keyAddresses = "addresses"
	keySubject   = "subject"
)

// logged is the form of a transport that drops mail and writes a record of each: log.
type logged struct {
	local

	keys keys.List
}

func readLog(scheme, rest string) (form, error) {
	query, ok := strings.CutPrefix(rest, "?")
	if rest != "" && !ok || strings.Contains(rest, "#") {
		return nil, fault(scheme, errAfterScheme)
	}
	list, wrong := keys.Parse(query, []string{keyAddresses, keySubject})
	var faults []error
	for _, f := range wrong {
		faults = append(faults, fault(f.Name, f.Err))
	}
	for _, key := range list {
		if key.Value != "true" && key.Value != "false" {
			faults = append(faults, fault(key.Name, errLog))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return logged{keys: list}, nil
}

func (l logged) open() (transport.Transport, error) {
	observer := policy.Log(slog.Default())
	for _, key := range l.keys {
		switch {
		case key.Value != "true":
		case key.Name == keyAddresses:
			observer = observer.WithAddresses()
		case key.Name == keySubject:
			observer = observer.WithSubject()
		}
	}
	return policy.Observe{Next: transport.Discard(), Observer: observer}.Build()
}

func (l logged) text(func(smtp.URL) string) string { return schemeLog + ":" + l.keys.String() }

func (l logged) withPasswordFile(string) (form, bool) { return l, false }
