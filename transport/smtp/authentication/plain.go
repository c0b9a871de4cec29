package authentication

// plain is the mechanism PLAIN (RFC 4616).
type plain struct {
	credentials Credentials
	sent        bool
}

func (*plain) Name() string        { return "PLAIN" }
func (*plain) ShowsPassword() bool { return true }
func (p *plain) Done() bool        { return p.sent }

func (p *plain) Start() ([]byte, error) {
	p.sent = true
	return []byte("\x00" + p.credentials.user + "\x00" + *p.credentials.password), nil
}

func (p *plain) Next([]byte) ([]byte, error) { return nil, errUnexpected }
