package cli

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// queuePlace is where a queue is, as an argument or a variable says it.
type queuePlace struct {
	text string
	url  *url.URL // nil for a folder
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
		if p.text = w.Getenv(name); p.text == "" {
			return p, fail(exitUsage, fmt.Errorf("the variable %s is not set", name))
		}
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

func (p queuePlace) isNATS() bool { return p.url.Scheme == "nats" || p.url.Scheme == "tls" }

// natsName is the name of a queue on NATS.
func (p queuePlace) natsName() string {
	if name := strings.Trim(p.url.Path, "/"); name != "" {
		return name
	}
	return "depeche"
}

// secrets are the parts of the URL that are never shown.
func (p queuePlace) secrets() (list []string) {
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
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// mask takes the secrets of the place out of an error; its status stays.
func (p queuePlace) mask(err error) error {
	if err == nil || p.url == nil {
		return err
	}
	text := err.Error()
	for _, secret := range p.secrets() {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return fail(statusOf(err), errors.New(text))
}
