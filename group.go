package depeche

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// group is the form of several transports as one: failover(url url)?keys or roundrobin(url url)?keys. A comma may
// stand after each URL but the last.
type group struct {
	name    string
	members []form
	keys    keys.List
}

// The names of groups.
const (
	failover   = "failover"
	roundrobin = "roundrobin"
)

// Limits that no configuration reaches, and that keep a hostile one small.
const (
	maxDepth   = 4
	maxMembers = 100
)

var (
	errGroup   = errors.New("want name(url url ...)?key=value, with spaces and parentheses in the URLs percent-encoded")
	errComma   = errors.New("a comma stands between two URLs, and a space after it")
	errDepth   = fmt.Errorf("groups in groups more than %d deep", maxDepth)
	errMembers = fmt.Errorf("want 1 to %d URLs", maxMembers)
)

// tightComma is a comma between two URLs without a space after it.
var tightComma = regexp.MustCompile(`,[A-Za-z][A-Za-z0-9+]*[:(]`)

// cutGroup returns what is after the parenthesis of a group.
func cutGroup(text string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, "(")
	name = strings.ToLower(name)
	return name, rest, ok && (name == failover || name == roundrobin)
}

// readGroup reads a group whose opening parenthesis was read.
func readGroup(name, text string, depth int) (form, error) {
	if depth == maxDepth {
		return nil, fault(name, errDepth)
	}
	members, query, ok := splitGroup(text)
	if !ok {
		return nil, fault(name, errGroup)
	}
	if len(members) == 0 || len(members) > maxMembers {
		return nil, fault(name, errMembers)
	}
	g := group{name: name}
	var faults []error
	for i, text := range members {
		text, comma := strings.CutSuffix(text, ",")
		if comma && (i == len(members)-1 || text == "" || strings.HasSuffix(text, ",")) {
			return nil, fault(name, errComma)
		}
		member, err := readForm(text, depth+1)
		if err != nil && tightComma.MatchString(text) {
			err = fault(name, errComma)
		}
		if err != nil {
			faults = append(faults, err)
		}
		g.members = append(g.members, member)
	}
	list, wrong := keys.Parse(query, groupKeys[name])
	for _, f := range wrong {
		faults = append(faults, fault(f.Name, f.Err))
	}
	g.keys = list
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return g, nil
}

// splitGroup splits a group at the spaces between its members, and off the keys after its end.
func splitGroup(text string) (members []string, query string, ok bool) {
	open, start := 1, 0
	for i, r := range text {
		switch r {
		case '(':
			open++
		case ')':
			open--
		}
		if open > 0 && (r != ' ' || open > 1) {
			continue
		}
		if i > start {
			members = append(members, text[start:i])
		}
		start = i + 1
		if open == 0 {
			break
		}
	}
	if open != 0 {
		return nil, "", false
	}
	rest := text[start:]
	query, asked := strings.CutPrefix(rest, "?")
	// What follows a parenthesis in a password may be the rest of it.
	if rest != "" && !asked || strings.ContainsAny(query, "@#") {
		return nil, "", false
	}
	return members, query, true
}

// text prints a group.
func (g group) text(relay func(smtp.URL) string) string {
	var list []string
	for _, member := range g.members {
		text := member.text(relay)
		if last, found := strings.CutSuffix(text, ","); found {
			text = last + "%2C" // it would look like a separator
		}
		list = append(list, text)
	}
	return g.name + "(" + strings.Join(list, " ") + ")" + g.keys.String()
}

func (g group) relays() (list []smtp.URL) {
	for _, member := range g.members {
		list = append(list, member.relays()...)
	}
	return list
}

func (g group) withPasswordFile(path string) (with form, ok bool) {
	g.members = slices.Clone(g.members)
	for i, member := range g.members {
		if with, lacked := member.withPasswordFile(path); lacked {
			g.members[i], ok = with, true
		}
	}
	return g, ok
}

// groupKeys are the keys of each group.
var groupKeys = map[string][]string{
	failover:   {"moves", "retry_period"},
	roundrobin: {"moves", "pick", "retry_period", "weights"},
}

// settings are the values of the keys of a group.
type settings struct {
	retryPeriod time.Duration
	moves       policy.FailoverOn
	pick        policy.Strategy
	weights     []int
}

func (g group) settings() (s settings, err error) {
	var faults []error
	for _, k := range g.keys {
		if err := s.read(k); err != nil {
			faults = append(faults, fault(k.Name, err))
		}
	}
	return s, errors.Join(faults...)
}

func (s *settings) read(k keys.Key) (err error) {
	ok := true
	switch k.Name {
	case "retry_period":
		s.retryPeriod, err = time.ParseDuration(k.Value)
		if err != nil || s.retryPeriod <= 0 {
			return fmt.Errorf("%q: want a duration such as 15s", k.Value)
		}
	case "moves":
		s.moves, ok = map[string]policy.FailoverOn{"faults": policy.FailoverOnFault, "deferred": policy.FailoverOnDeferred}[k.Value]
	case "pick":
		s.pick, ok = map[string]policy.Strategy{"turn": policy.StrategyRoundRobin, "least_loaded": policy.StrategyLeastLoaded}[k.Value]
	case "weights":
		for text := range strings.SplitSeq(k.Value, ",") {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%q: want numbers, separated by commas", k.Value)
			}
			s.weights = append(s.weights, n)
		}
	}
	if !ok {
		return fmt.Errorf("%q is not one of the choices", k.Value)
	}
	return nil
}

// open opens the members and puts them together. If it cannot, it closes those that it opened.
func (g group) open() (t transport.Transport, err error) {
	var (
		relays []transport.Transport
		faults []error
	)
	defer func() {
		if err == nil {
			return
		}
		for _, r := range relays {
			_ = transport.Close(r) // it was not used
		}
	}()
	s, err := g.settings()
	if err != nil {
		faults = append(faults, err)
	}
	for _, member := range g.members {
		r, err := member.open()
		if err != nil {
			faults = append(faults, err)
			continue
		}
		relays = append(relays, r)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if g.name == failover {
		return policy.Failover{Relays: relays, On: s.moves, RetryPeriod: s.retryPeriod}.Build()
	}
	return policy.Balance{
		Relays: relays, Weights: s.weights, Strategy: s.pick, On: s.moves, RetryPeriod: s.retryPeriod,
	}.Build()
}
