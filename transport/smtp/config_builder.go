package smtp

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// Protocols of a Config.
const (
	protocolSMTP = "smtp"
	protocolLMTP = "lmtp"
)

// begin is the constructor that c stands for.
func (c Config) begin() Builder {
	lmtp := c.Protocol == protocolLMTP
	mode, known := securities[c.Security]
	port := PortTLS
	switch {
	case c.Security == "" && (lmtp || c.Socket != ""):
		mode, known = client.TLSNone, true
	case c.Security == "":
		known = true
	}
	switch {
	case lmtp:
		port = PortLMTP
	case mode == client.TLSStartTLS:
		port = PortSubmission
	case mode != client.TLSImplicit:
		port = PortSMTP
	}
	b := begin(c.Host, port, mode)
	switch {
	case c.Provider != "":
		b = ForProvider(c.Provider)
	case c.Socket != "":
		b = UnixSocket(c.Socket)
	}
	return b.Port(c.Port).step(func(s *state) {
		s.config.LMTP = lmtp
		c.checkParts(s)
		if !known {
			s.fault("security", string(c.Security), fmt.Errorf("want %s, %s, %s or %s", SecurityTLS, SecurityStartTLS, SecurityDangerousOpportunistic, SecurityDangerousNone))
		}
		if c.Socket != "" && mode != client.TLSNone {
			s.fault("security", string(c.Security), errors.New("there is no TLS over a socket"))
		}
	})
}

// checkParts refuses two ways to say where the relay is.
func (c Config) checkParts(s *state) {
	if c.Protocol != "" && c.Protocol != protocolSMTP && c.Protocol != protocolLMTP {
		s.fault("protocol", c.Protocol, fmt.Errorf("want %s or %s", protocolSMTP, protocolLMTP))
	}
	other := "provider"
	switch {
	case c.Provider == "" && c.Socket == "":
		return
	case c.Provider == "":
		other = "socket"
	}
	for _, part := range []struct {
		field   string
		written bool
	}{
		{"host", c.Host != ""},
		{"port", c.Port != 0},
		{"socket", c.Socket != "" && c.Provider != ""},
		{"protocol", c.Protocol != "" && c.Provider != ""},
		{"security", c.Security != "" && c.Provider != ""},
	} {
		if part.written {
			s.fault(part.field, "", errors.New("is not needed beside "+other))
		}
	}
}

// fieldOf returns the field of a key.
func fieldOf(c reflect.Value, key string) (reflect.Value, bool) {
	for field, v := range c.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name == key {
			return v, true
		}
	}
	return reflect.Value{}, false
}

// value returns the text of a field. A list of pins or mechanisms that is written and empty counts as written: it is
// an error, because without them everything would be allowed.
func (c Config) value(x setting) (text string, written bool) {
	field, ok := fieldOf(reflect.ValueOf(c), x.key)
	if !ok { // said by Security
		return "", false
	}
	switch v := field.Interface().(type) {
	case string:
		text = v
	case ProxyURL:
		text = string(v)
	case PEM:
		text = string(v)
	case bool:
		if v {
			text = "true"
		}
	case int:
		if v != 0 {
			text = strconv.Itoa(v)
		}
	case Duration:
		if v != 0 {
			text = v.String()
		}
	case []string:
		return strings.Join(v, ","), len(v) > 0 || v != nil && x.restricts
	}
	return text, text != ""
}

// setValue is the opposite of value.
func (c *Config) setValue(x setting, text string) {
	field, ok := fieldOf(reflect.ValueOf(c).Elem(), x.key)
	if !ok || text == "" {
		return
	}
	switch to := field.Addr().Interface().(type) {
	case *string:
		*to = text
	case *ProxyURL:
		*to = ProxyURL(text)
	case *PEM:
		*to = PEM(text)
	case *bool:
		*to = true
	case *int:
		*to, _ = strconv.Atoi(text) // get has made it from a number
	case *Duration:
		_ = to.UnmarshalText([]byte(text)) // get has made it from a duration
	case *[]string:
		*to = strings.Split(text, ",")
	}
}
