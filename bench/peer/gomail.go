package peer

import (
	"bytes"

	"gopkg.in/gomail.v2"
)

// goMailV2 is gopkg.in/gomail.v2, whose connections take finished messages.
type goMailV2 struct {
	sender gomail.SendCloser
	load   Load
	octets []byte
}

func openGomail(to Target, load Load) (Session, error) {
	dialer := &gomail.Dialer{Host: to.Host, Port: to.Port, SSL: to.TLS != nil, TLSConfig: to.TLS}
	sender, err := dialer.Dial()
	if err != nil {
		return nil, err
	}
	return &goMailV2{sender, load, load.Octets()}, nil
}

func (s *goMailV2) Send() error {
	return s.sender.Send(s.load.From, []string{s.load.To}, bytes.NewBuffer(s.octets))
}

func (s *goMailV2) Close() error { return s.sender.Close() }
