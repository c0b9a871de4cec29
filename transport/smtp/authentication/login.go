package authentication

// login is the mechanism LOGIN (draft-murchison-sasl-login). The text of the prompts is ignored,
// because servers disagree on it; the first is for the user name, the second for the password.
type login struct {
	credentials Credentials
	answered    int
}

func (*login) Name() string           { return "LOGIN" }
func (*login) ShowsPassword() bool    { return true }
func (l *login) Done() bool           { return l.answered == 2 }
func (*login) Start() ([]byte, error) { return nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	l.answered++
	switch l.answered {
	case 1:
		return []byte(l.credentials.user), nil
	case 2:
		return []byte(*l.credentials.password), nil
	}
	return nil, errLoginPrompts
}
