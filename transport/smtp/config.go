package smtp

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// Config is a relay as a configuration file says it, with the names of docs/urls.md in JSON and YAML and text for
// durations, versions and the like. The zero value of each field is the default; only Host, Socket or Provider is
// needed. It prints without its secrets, and so a Config that was printed cannot be read again if it had one: keep
// secrets in files (PasswordFile, TokenFile) where a Config is written too.
//
// Builder makes a transport of it, Validate judges it at once, URL says the same in one string.
type Config struct {
	// Provider is the name of a provider; see [ForProvider]. Then Host, Port and Security are not needed.
	Provider string `json:"provider,omitempty" yaml:"provider,omitempty"`
	// Host is a host name or an IP address.
	Host string `json:"host,omitempty" yaml:"host,omitempty"`
	// Port is the port: 465, with STARTTLS 587, without TLS 25, for LMTP 24.
	Port int `json:"port,omitempty" yaml:"port,omitempty"`
	// Socket is the path of a Unix socket in place of a host. There is no TLS then.
	Socket string `json:"socket,omitempty" yaml:"socket,omitempty"`
	// Protocol is "smtp" or "lmtp"; "" is smtp.
	Protocol string `json:"protocol,omitempty" yaml:"protocol,omitempty"`
	// Security says how the connection is encrypted: by TLS from the first octet, and for LMTP not at all.
	Security Security `json:"security,omitempty" yaml:"security,omitempty"`
	// User and Password log in. The password may be in PasswordFile, a token in TokenFile.
	User     string `json:"user,omitempty"    yaml:"user,omitempty"`
	Password Secret `json:"password,omitzero" yaml:"password,omitempty"`

	// These are the keys of a URL, see docs/urls.md.

	PasswordFile           string   `json:"password_file,omitempty"            yaml:"password_file,omitempty"`
	TokenFile              string   `json:"token_file,omitempty"               yaml:"token_file,omitempty"`
	Auth                   []string `json:"auth,omitempty"                     yaml:"auth,omitempty"`
	AuthorizationID        string   `json:"authorization_id,omitempty"         yaml:"authorization_id,omitempty"`
	DangerousPlaintextAuth bool     `json:"dangerous_plaintext_auth,omitempty" yaml:"dangerous_plaintext_auth,omitempty"`

	TLSName             string   `json:"tls_name,omitempty"              yaml:"tls_name,omitempty"`
	TLSMin              string   `json:"tls_min,omitempty"               yaml:"tls_min,omitempty"`
	DangerousTLSMin     string   `json:"dangerous_tls_min,omitempty"     yaml:"dangerous_tls_min,omitempty"`
	TLSRoots            PEM      `json:"tls_roots,omitempty"             yaml:"tls_roots,omitempty"`
	TLSPin              []string `json:"tls_pin,omitempty"               yaml:"tls_pin,omitempty"`
	TLSTrustedKey       []string `json:"tls_trusted_key,omitempty"       yaml:"tls_trusted_key,omitempty"`
	TLSCertificate      PEM      `json:"tls_certificate,omitempty"       yaml:"tls_certificate,omitempty"`
	TLSKey              PEM      `json:"tls_key,omitempty"               yaml:"tls_key,omitempty"`
	DangerousSkipVerify bool     `json:"dangerous_skip_verify,omitempty" yaml:"dangerous_skip_verify,omitempty"`

	Hello             string   `json:"hello,omitempty"               yaml:"hello,omitempty"`
	LocalAddr         string   `json:"local_addr,omitempty"          yaml:"local_addr,omitempty"`
	Proxy             ProxyURL `json:"proxy,omitempty"               yaml:"proxy,omitempty"`
	ProxyPasswordFile string   `json:"proxy_password_file,omitempty" yaml:"proxy_password_file,omitempty"`
	Timeout           Duration `json:"timeout,omitzero"              yaml:"timeout,omitempty"`
	DialTimeout       Duration `json:"dial_timeout,omitzero"         yaml:"dial_timeout,omitempty"`
	TLSTimeout        Duration `json:"tls_timeout,omitzero"          yaml:"tls_timeout,omitempty"`
	ReplyTimeout      Duration `json:"reply_timeout,omitzero"        yaml:"reply_timeout,omitempty"`
	DataTimeout       Duration `json:"data_timeout,omitzero"         yaml:"data_timeout,omitempty"`
	BodyTimeout       Duration `json:"body_timeout,omitzero"         yaml:"body_timeout,omitempty"`
	FinalTimeout      Duration `json:"final_timeout,omitzero"        yaml:"final_timeout,omitempty"`
	ResetTimeout      Duration `json:"reset_timeout,omitzero"        yaml:"reset_timeout,omitempty"`

	Pool        int      `json:"pool,omitempty"         yaml:"pool,omitempty"`
	MaxIdle     int      `json:"max_idle,omitempty"     yaml:"max_idle,omitempty"`
	MinIdle     int      `json:"min_idle,omitempty"     yaml:"min_idle,omitempty"`
	MaxWaiting  int      `json:"max_waiting,omitempty"  yaml:"max_waiting,omitempty"`
	MaxWait     Duration `json:"max_wait,omitzero"      yaml:"max_wait,omitempty"`
	MaxMessages int      `json:"max_messages,omitempty" yaml:"max_messages,omitempty"`
	IdleTimeout Duration `json:"idle_timeout,omitzero"  yaml:"idle_timeout,omitempty"`
	MaxAge      Duration `json:"max_age,omitzero"       yaml:"max_age,omitempty"`

	AllOrNothing      bool     `json:"all_or_nothing,omitempty"     yaml:"all_or_nothing,omitempty"`
	DisableExtensions []string `json:"disable_extensions,omitempty" yaml:"disable_extensions,omitempty"`
	Chunking          string   `json:"chunking,omitempty"           yaml:"chunking,omitempty"`
	BulkWindow        int      `json:"bulk_window,omitempty"        yaml:"bulk_window,omitempty"`
	ResendUnsent      bool     `json:"resend_unsent,omitempty"      yaml:"resend_unsent,omitempty"`
	WaitForRelay      Duration `json:"wait_for_relay,omitzero"      yaml:"wait_for_relay,omitempty"`
}

// Security says how a connection is encrypted.
type Security string

// The words for it. The zero Security is SecurityTLS, for LMTP and sockets no encryption.
const (
	SecurityTLS                    Security = "tls"                     // from the first octet
	SecurityStartTLS               Security = "starttls"                // STARTTLS, which must succeed
	SecurityDangerousOpportunistic Security = "dangerous_opportunistic" // see [DangerousOpportunisticTLS]
	SecurityDangerousNone          Security = "dangerous_none"          // see [DangerousPlaintext]
)

var securities = map[Security]client.TLSMode{
	SecurityTLS: client.TLSImplicit, SecurityStartTLS: client.TLSStartTLS,
	SecurityDangerousOpportunistic: client.TLSDangerousOpportunistic, SecurityDangerousNone: client.TLSNone,
}

// Duration is a length of time that is text in a configuration file, such as "30s" or "1m".
type Duration time.Duration

// String returns the shortest text of d, such as "1m"; "" for 0, which is the default.
func (d Duration) String() string { return durationText(time.Duration(d)) }

// MarshalText returns what String returns.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a text such as "30s"; "" is 0.
func (d *Duration) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	read, err := parseDuration(string(text))
	*d = Duration(read)
	return err
}

// Validate reports every fault, joined, each a *[FieldError] that names the field as JSON and YAML do. It reads the
// files that c names, and does not connect.
func (c Config) Validate() error {
	_, err := c.Builder().resolve()
	return err
}

// Builder begins the transport that c describes. Faults surface in Build.
func (c Config) Builder() Builder {
	return c.begin().step(func(s *state) {
		s.origin = fromConfig
		s.login.as(c.User, c.Password)
		for _, x := range settings {
			if value, written := c.value(x); written {
				s.apply(x, value)
			}
		}
	})
}

// URL says the same as c in one string, with everything escaped that has to be. The error is that of Validate, except
// that no file is read.
func (c Config) URL() (URL, error) { return c.Builder().URL() }

// Format writes the Config as fmt does, without its secrets: the password, a user that is the password or holds it, and what Build
// refuses because it is a secret: the password of a proxy, a private key in place of the name of its file.
func (c Config) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), c.shown())
}

// LogValue returns what Format writes, for package slog.
func (c Config) LogValue() slog.Value { return slog.AnyValue(c.shown()) }

// shownConfig is a Config whose user, proxy and files may be shown. It has no methods, and so prints as a struct.
type shownConfig Config

func (c Config) shown() shownConfig {
	c.User = authentication.MaskUser(c.User, c.Password.Reveal())
	c.Proxy = ProxyURL(c.Proxy.String())
	c.TLSRoots, c.TLSCertificate, c.TLSKey = PEM(c.TLSRoots.String()), PEM(c.TLSCertificate.String()), PEM(c.TLSKey.String())
	return shownConfig(c)
}
