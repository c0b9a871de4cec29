package cli

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// queuePlace is where a queue is, as an argument or a variable says it.
type queuePlace struct {
	text     string
	variable string   // that text came from; "" for an argument
	url      *url.URL // nil for a folder and for settings
	settings bool     // text is that of libpq, "host=... dbname=..."
}

var (
	errQueueURL = errors.New("this is not the URL of a queue: want nats://host:4222/name, tls://host:4222/name or postgres://user@host/name")
	errQueueKey = errors.New("the URL of a queue on NATS has unknown settings: ca and creds are known")
	// errQueueSecret says where a password belongs.
	errQueueSecret = errors.New("a password or token in an argument can be read by every user of the machine; " +
		"set a variable to the URL, and give env:NAME in its place")
)

// queueAt reads the place of a queue. No error says what it read: it may hold a password.
func (w *World) queueAt(place string) (p queuePlace, err error) {
	p.text = place
	name, hidden := strings.CutPrefix(place, "env:")
	if hidden {
		p.variable = name
		if p.text = w.Getenv(name); p.text == "" {
			return p, fail(exitUsage, fmt.Errorf("the variable %s is not set", name))
		}
	}
	key, _, pair := strings.Cut(p.text, "=")
	if p.settings = pair && !strings.ContainsAny(key, `/\`); p.settings {
		if !hidden && strings.Contains(strings.ToLower(p.text), "password") {
			return p, fail(exitUsage, errQueueSecret)
		}
		return p, nil
	}
	if !strings.Contains(p.text, "://") {
		return p, nil
	}
	p.url, err = url.Parse(p.text)
	if err != nil || !slices.Contains([]string{"nats", "tls", "postgres", "postgresql"}, p.url.Scheme) {
		return p, fail(exitUsage, errQueueURL)
	}
	// An @ after the host is what a password leaves there that is not escaped.
	if strings.Contains(p.url.Path+p.url.RawQuery+p.url.Fragment, "@") || p.url.Fragment != "" {
		return p, fail(exitUsage, errQueueURL)
	}
	if !hidden && len(p.secrets()) > 0 {
		return p, fail(exitUsage, errQueueSecret)
	}
	if p.isNATS() {
		for key := range p.url.Query() {
			if key != "ca" && key != "creds" {
				return p, fail(exitUsage, errQueueKey)
			}
		}
	}
	return p, nil
}

func (p queuePlace) isFolder() bool { return p.url == nil && !p.settings }

func (p queuePlace) isNATS() bool {
	return p.url != nil && (p.url.Scheme == "nats" || p.url.Scheme == "tls")
}

// String is what an error says of the place: not what a variable holds.
func (p queuePlace) String() string {
	if p.variable != "" {
		return "env:" + p.variable
	}
	return p.text
}

// natsName is the name of a queue on NATS.
func (p queuePlace) natsName() string {
	if name := strings.Trim(p.url.Path, "/"); name != "" {
		return name
	}
	return "depeche"
}

// secrets are the parts of the place that are never shown, in the forms that errors have them in.
func (p queuePlace) secrets() (list []string) {
	if p.settings {
		if config, err := pgconn.ParseConfig(p.text); err == nil {
			list = append(list, config.Password)
		}
	}
	if p.url != nil {
		password, has := p.url.User.Password()
		list = append(list, password)
		if p.isNATS() && !has { // a user alone is a token there
			list = append(list, p.url.User.Username())
		}
		for key, values := range p.url.Query() {
			if strings.Contains(strings.ToLower(key), "password") {
				list = append(list, values...)
			}
		}
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
	for _, secret := range list {
		list = append(list, url.QueryEscape(secret), url.PathEscape(secret))
	}
	return list
}

// mask takes the secrets of the place out of an error, and what a variable holds; its status stays.
func (p queuePlace) mask(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := filepath.Clean(p.text); p.variable != "" && clean != "." && clean != string(filepath.Separator) {
		text = strings.NewReplacer(p.text, p.String(), clean, p.String()).Replace(text)
	}
	for _, secret := range p.secrets() {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return fail(statusOf(err), errors.New(text))
}
