package authentication

// plain is the mechanism PLAIN (RFC 4616).
type plain struct {
	id   *identity
	sent bool
}

func newPlain(id *identity, _ Session) Mechanism { return &plain{id: id} }

func (*plain) Name() string    { return "PLAIN" }
func (*plain) Plaintext() bool { return true }
func (p *plain) Done() bool    { return p.sent }

func (p *plain) Start() ([]byte, error) {
	p.sent = true
	return []byte(p.id.authorizationID + "\x00" + p.id.user + "\x00" + p.id.secret()), nil
}

func (p *plain) Next([]byte) ([]byte, error) { return nil, unexpected(p.Name()) }
