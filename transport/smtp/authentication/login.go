package authentication

// login is the mechanism LOGIN (draft-murchison-sasl-login). The text of the prompts is ignored,
// because servers disagree on it; the first is for the user name, the second for the password.
type login struct {
	account  *account
	answered int
}

func newLogin(a *account, _ Session) Mechanism { return &login{account: a} }

func (*login) Name() string           { return "LOGIN" }
func (*login) ShowsPassword() bool    { return true }
func (l *login) Done() bool           { return l.answered == 2 }
func (*login) Start() ([]byte, error) { return nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	if l.answered == 2 {
		return nil, unexpected(l.Name())
	}
	l.answered++
	if l.answered == 1 {
		return []byte(l.account.user), nil
	}
	return []byte(l.account.secret()), nil
}
