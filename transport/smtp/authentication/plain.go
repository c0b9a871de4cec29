package authentication

// plain is the mechanism PLAIN (RFC 4616).
type plain struct {
	account *account
	sent    bool
}

func newPlain(a *account, _ Session) Mechanism { return &plain{account: a} }

func (*plain) Name() string        { return "PLAIN" }
func (*plain) ShowsPassword() bool { return true }
func (p *plain) Done() bool        { return p.sent }

func (p *plain) Start() ([]byte, error) {
	p.sent = true
	return []byte(p.account.identity + "\x00" + p.account.user + "\x00" + p.account.secret()), nil
}

func (p *plain) Next([]byte) ([]byte, error) { return nil, unexpected(p.Name()) }
