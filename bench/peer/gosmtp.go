package peer

import (
	"bytes"

	"github.com/emersion/go-smtp"
)

// goSMTP is emersion/go-smtp.
type goSMTP struct {
	client *smtp.Client
	load   Load
	octets []byte
}

func openGoSMTP(to Target, load Load) (Session, error) {
	client, err := dialGoSMTP(to)
	if err != nil {
		return nil, err
	}
	return &goSMTP{client, load, load.Octets()}, nil
}

func dialGoSMTP(to Target) (*smtp.Client, error) {
	if to.TLS != nil {
		return smtp.DialTLS(to.Addr(), to.TLS)
	}
	return smtp.Dial(to.Addr())
}

func (s *goSMTP) Send() error {
	return s.client.SendMail(s.load.From, []string{s.load.To}, bytes.NewReader(s.octets))
}

func (s *goSMTP) Close() error { return s.client.Quit() }
