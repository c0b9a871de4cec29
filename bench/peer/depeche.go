package peer

import (
	"context"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// depeche is this project, with the settings of its documentation.
type depeche struct {
	sender *smtp.Transport
	mail   transport.Mail
}

func openDepeche(to Target, load Load) (Session, error) {
	from, err := envelope.ParseAddress(load.From)
	if err != nil {
		return nil, err
	}
	recipient, err := envelope.ParseAddress(load.To)
	if err != nil {
		return nil, err
	}
	env, err := envelope.New(from, recipient)
	if err != nil {
		return nil, err
	}
	builder := smtp.DangerousPlaintext(to.Host)
	if to.TLS != nil {
		builder = smtp.Relay(to.Host).TLSConfig(to.TLS)
	}
	sender, err := builder.Port(to.Port).Build()
	if err != nil {
		return nil, err
	}
	return &depeche{sender, transport.Raw(env, load.Octets())}, nil
}

func (s *depeche) Send() error {
	_, err := s.sender.Send(context.Background(), s.mail)
	return err
}

func (s *depeche) Close() error { return s.sender.Shutdown(context.Background()) }
