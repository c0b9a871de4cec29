package authentication

// login is the mechanism LOGIN (draft-murchison-sasl-login). The text of the prompts is ignored,
// because servers disagree on it; the first is for the user name, the second for the password.
type login struct {
	id       *identity
	answered int
}

func newLogin(id *identity, _ Session) Mechanism { return &login{id: id} }

func (*login) Name() string           { return "LOGIN" }
func (*login) Plaintext() bool        { return true }
func (l *login) Done() bool           { return l.answered == 2 }
func (*login) Start() ([]byte, error) { return nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	if l.answered == 2 {
		return nil, unexpected(l.Name())
	}
	l.answered++
	if l.answered == 1 {
		return []byte(l.id.user), nil
	}
	return []byte(l.id.secret()), nil
}
