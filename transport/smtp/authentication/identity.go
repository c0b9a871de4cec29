package authentication

// identity is a mechanism whose only response is a name and no secret: EXTERNAL (RFC 4422 appendix A),
// where the server knows the client by other means, and ANONYMOUS (RFC 4505).
type identity struct {
	mechanism, name string
	sent            bool
}

func newExternal(a *account, _ Session) Mechanism {
	return &identity{mechanism: "EXTERNAL", name: a.identity}
}

func newAnonymous(a *account, _ Session) Mechanism {
	return &identity{mechanism: "ANONYMOUS", name: a.user}
}

func (i *identity) Name() string      { return i.mechanism }
func (*identity) ShowsPassword() bool { return false }
func (i *identity) Done() bool        { return i.sent }

// Start returns the name, which is not nil when it is empty: the server must not have to ask.
func (i *identity) Start() ([]byte, error) {
	i.sent = true
	return append([]byte{}, i.name...), nil
}

func (i *identity) Next([]byte) ([]byte, error) { return nil, unexpected(i.Name()) }
