package authentication

import "crypto/tls"

// Mechanism is one run of a SASL mechanism (RFC 4422) on the client's side. It is used once, by one
// goroutine. Mechanisms of the caller's own log in by [Custom].
type Mechanism interface {
	// Name is the registered name, such as "PLAIN".
	Name() string
	// Plaintext reports whether an attacker who reads the exchange can log in afterwards. One that does not show the
	// secret may still let an attacker guess it, so Choose asks for TLS or Session.Insecure in both cases; the error
	// tells which it is.
	Plaintext() bool
	// Start returns the initial response; nil when the server speaks first.
	Start() ([]byte, error)
	// Next answers a challenge. An error cancels the exchange; it must not show a secret.
	Next(challenge []byte) ([]byte, error)
	// Done reports whether the server may now end the exchange with success. A mechanism that
	// verifies the server is not done before it has.
	Done() bool
}

// FailureReporter is an optional ability of a [Mechanism]. After the server has ended the exchange, Failure
// returns what the mechanism knows that the server's last reply does not say, such as an error that the
// server sent in a challenge, or the proof that is missing. known is false if the mechanism knows nothing more.
type FailureReporter interface {
	Failure() (why *Error, known bool)
}

// Session is what a mechanism may know of the connection on which it runs.
type Session struct {
	// Offered are the names of the mechanisms that the server offers, in upper case.
	Offered []string
	// Host and Port are where the client meant to connect to; "" and 0 when it is not known.
	Host string
	Port int
	// TLS is the state of the encryption; nil without.
	TLS *tls.ConnectionState
	// Insecure allows logins with a secret without TLS.
	Insecure bool
}

// MechanismFunc makes a mechanism for one login.
type MechanismFunc func(Session) Mechanism

// Client is the client of a SASL library, such as a Client of github.com/emersion/go-sasl.
type Client interface {
	Start() (mechanism string, initial []byte, err error)
	Next(challenge []byte) (response []byte, err error)
}

// FromClient makes a [MechanismFunc] of clients of another library. name is the mechanism, and client is called
// for each login. What such a client does not say is taken as the safe answer: it shows the password,
// and it is done once it has sent a response. It cannot say that it has verified the server; a mechanism
// that does so should be a Mechanism itself.
func FromClient(name string, client func() Client) MechanismFunc {
	return func(Session) Mechanism { return &adapter{name: name, client: client()} }
}

type adapter struct {
	name      string
	client    Client
	responded bool
}

func (a *adapter) Name() string  { return a.name }
func (*adapter) Plaintext() bool { return true }
func (a *adapter) Done() bool    { return a.responded }

func (a *adapter) Start() ([]byte, error) {
	name, initial, err := a.client.Start()
	if err == nil && name != a.name {
		err = malformed(name, "the client begins another mechanism than "+a.name)
	}
	a.responded = initial != nil
	return initial, err
}

func (a *adapter) Next(challenge []byte) ([]byte, error) {
	a.responded = true
	return a.client.Next(challenge)
}
