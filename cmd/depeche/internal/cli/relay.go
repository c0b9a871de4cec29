package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/depeche-mail/depeche"
)

// errArgumentSecret says where a password belongs.
var errArgumentSecret = errors.New("a password in an argument can be read by every user of the machine; " +
	"use MAIL_PASSWORD_FILE or MAIL_URL, or leave it out and be asked")

// relay returns the URL of the relay of an argument, or of MAIL_URL when that is empty. A user without a password gets the
// file that MAIL_PASSWORD_FILE names, or what a person types. The returned cleanup removes what was needed for that.
func (w *World) relay(argument string) (u depeche.URL, cleanup func(), err error) {
	cleanup = func() {}
	text := argument
	if text == "" {
		text = w.Getenv(depeche.EnvURL)
	}
	if text == "" {
		return u, cleanup, fail(exitUsage, errors.New("there is no relay: give its URL or set MAIL_URL"))
	}
	if u, err = depeche.ParseURL(text); err != nil {
		return u, cleanup, fail(exitUsage, err)
	}
	if argument != "" && u.HasPassword() {
		return u, cleanup, fail(exitUsage, errArgumentSecret)
	}
	file := w.Getenv(depeche.EnvPasswordFile)
	with, lacks := u.WithPasswordFile(file)
	switch {
	case !lacks && file != "":
		return u, cleanup, fail(exitUsage, errors.New("MAIL_PASSWORD_FILE is set, but no user in the URL of the relay lacks a password"))
	case !lacks:
		return u, cleanup, nil
	case file != "":
		return with, cleanup, nil
	case w.Prompt == nil:
		return u, cleanup, fail(exitUsage, fmt.Errorf("%s: the password is missing; set MAIL_PASSWORD_FILE", u))
	}
	return w.ask(u)
}

// ask asks for the password of a URL. It passes through a file for this user alone, which is how a URL takes one.
func (w *World) ask(u depeche.URL) (depeche.URL, func(), error) {
	secret, err := w.Prompt("Password for " + u.String())
	if err != nil {
		return u, func() {}, fail(exitUsage, err)
	}
	file, err := os.CreateTemp("", "depeche-*")
	if err != nil {
		return u, func() {}, fail(exitTemporary, err)
	}
	cleanup := func() { _ = os.Remove(file.Name()) }
	_, err = file.WriteString(secret)
	if err := errors.Join(err, file.Close()); err != nil {
		cleanup()
		return u, func() {}, fail(exitTemporary, err)
	}
	u, _ = u.WithPasswordFile(file.Name())
	return u, cleanup, nil
}
