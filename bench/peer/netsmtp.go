package peer

import (
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
)

// netSMTP is the standard library.
type netSMTP struct {
	client *smtp.Client
	load   Load
	octets []byte
}

func openNetSMTP(to Target, load Load) (Session, error) {
	conn, err := net.Dial("tcp", to.Addr())
	if err != nil {
		return nil, err
	}
	if to.TLS != nil {
		conn = tls.Client(conn, to.TLS)
	}
	client, err := smtp.NewClient(conn, to.Host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &netSMTP{client, load, load.Octets()}, nil
}

func (s *netSMTP) Send() error {
	if err := s.client.Mail(s.load.From); err != nil {
		return err
	}
	if err := s.client.Rcpt(s.load.To); err != nil {
		return err
	}
	w, err := s.client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(s.octets); err != nil {
		return err
	}
	return w.Close()
}

func (s *netSMTP) Close() error { return s.client.Quit() }
