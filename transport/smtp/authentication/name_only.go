package authentication

// nameOnly is a mechanism whose only response is a name and no secret: EXTERNAL (RFC 4422 appendix A),
// where the server knows the client by other means, and ANONYMOUS (RFC 4505).
type nameOnly struct {
	mechanism, name string
	sent            bool
}

func newExternal(id *identity, _ Session) Mechanism {
	return &nameOnly{mechanism: "EXTERNAL", name: id.authorizationID}
}

func newAnonymous(id *identity, _ Session) Mechanism {
	return &nameOnly{mechanism: "ANONYMOUS", name: id.user}
}

func (i *nameOnly) Name() string  { return i.mechanism }
func (*nameOnly) Plaintext() bool { return false }
func (i *nameOnly) Done() bool    { return i.sent }

// Start returns the name, which is not nil when it is empty: the server must not have to ask.
func (i *nameOnly) Start() ([]byte, error) {
	i.sent = true
	return append([]byte{}, i.name...), nil
}

func (i *nameOnly) Next([]byte) ([]byte, error) { return nil, unexpected(i.Name()) }
