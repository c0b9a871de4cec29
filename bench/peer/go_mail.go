package peer

import (
	"context"

	"github.com/wneessen/go-mail"
)

// goMail is wneessen/go-mail. It has no door for finished octets, so the message is made once, with a
// body that needs no encoding.
type goMail struct {
	client  *mail.Client
	message *mail.Msg
}

func openGoMail(to Target, load Load) (Session, error) {
	message := mail.NewMsg(mail.WithEncoding(mail.EncodingUSASCII))
	if err := message.From(load.From); err != nil {
		return nil, err
	}
	if err := message.To(load.To); err != nil {
		return nil, err
	}
	for _, f := range load.Header {
		switch f.Name {
		case "From", "To": // it writes them itself
		default:
			message.SetGenHeader(mail.Header(f.Name), f.Value)
		}
	}
	message.SetBodyString(mail.TypeTextPlain, load.Body)
	options := []mail.Option{mail.WithPort(to.Port), mail.WithTLSPolicy(mail.NoTLS)}
	if to.TLS != nil {
		options = []mail.Option{mail.WithSSL(), mail.WithTLSConfig(to.TLS), mail.WithPort(to.Port)}
	}
	client, err := mail.NewClient(to.Host, options...)
	if err != nil {
		return nil, err
	}
	if err := client.DialWithContext(context.Background()); err != nil {
		return nil, err
	}
	return &goMail{client, message}, nil
}

func (s *goMail) Send() error { return s.client.Send(s.message) }

func (s *goMail) Close() error { return s.client.Close() }
