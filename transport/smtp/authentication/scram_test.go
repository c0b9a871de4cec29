package authentication_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

// TestScramVectors plays the examples of RFC 5802 section 5 and RFC 7677 section 3.
func TestScramVectors(t *testing.T) {
	for name, tc := range map[string]struct{ first, serverFirst, final, serverFinal string }{
		"SCRAM-SHA-1": {
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		"SCRAM-SHA-256": {
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, nonce, _ := strings.Cut(tc.first, ",r=")
			m := authentication.Vector(must(authentication.Password("user", "pencil")), name, nonce)
			if got := string(must(m.Start())); got != tc.first {
				t.Errorf("first %q, want %q", got, tc.first)
			}
			if got := string(must(m.Next([]byte(tc.serverFirst)))); got != tc.final {
				t.Errorf("final %q, want %q", got, tc.final)
			}
			if m.Done() {
				t.Error("done before the signature")
			}
			if got := must(m.Next([]byte(tc.serverFinal))); got == nil || len(got) != 0 {
				t.Errorf("%q behind the signature", got)
			}
			if !m.Done() {
				t.Error("not done")
			}
			_, err := m.Next(nil)
			wantKind(t, err, authentication.KindEndless)
		})
	}
}

const (
	nonce     = "rOprNGfwEbeRWgbNEkqO"
	goodFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	goodFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

// TestScramLies: what a server can say wrong ends the exchange, before any time is spent.
func TestScramLies(t *testing.T) {
	with := func(part, other string) []string { return []string{strings.Replace(goodFirst, part, other, 1)} }
	iterations := func(count string) []string { return with("i=4096", "i="+count) }
	for name, tc := range map[string]struct {
		challenges []string
		want       authentication.Kind
	}{
		"one round":                {iterations("1"), authentication.KindIterations},
		"one less than is safe":    {iterations("4095"), authentication.KindIterations},
		"one more than is sane":    {iterations("600001"), authentication.KindIterations},
		"2^31 - 1 rounds":          {iterations("2147483647"), authentication.KindIterations},
		"2^31 rounds":              {iterations("2147483648"), authentication.KindIterations},
		"2^64 rounds":              {iterations("18446744073709551616"), authentication.KindIterations},
		"no rounds":                {iterations("0"), authentication.KindIterations},
		"negative rounds":          {iterations("-4096"), authentication.KindMalformed},
		"signed rounds":            {iterations("+4096"), authentication.KindMalformed},
		"rounds are no number":     {iterations("many"), authentication.KindMalformed},
		"no count":                 {iterations(""), authentication.KindMalformed},
		"two attributes":           {with(",i=4096", ""), authentication.KindMalformed},
		"foreign nonce":            {with("r=rO", "r=RO"), authentication.KindMalformed},
		"the client's nonce alone": {with("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""), authentication.KindMalformed},
		"unprintable nonce":        {with("%hv", "\n"), authentication.KindMalformed},
		"no salt":                  {with("W22ZaJ0SNY7soEsUEjb6gQ==", ""), authentication.KindMalformed},
		"salt is not base64":       {with("W22Z", "!"), authentication.KindMalformed},
		"other order":              {with("r=", "s="), authentication.KindMalformed},
		"a mandatory extension":    {with("r=", "m=x,r="), authentication.KindMalformed},
		"empty":                    {[]string{""}, authentication.KindMalformed},
		"wrong signature":          {[]string{goodFirst, "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}, authentication.KindUnproven},
		"short signature":          {[]string{goodFirst, "v=6rri"}, authentication.KindUnproven},
		"empty signature":          {[]string{goodFirst, "v="}, authentication.KindUnproven},
		"no signature":             {[]string{goodFirst, ""}, authentication.KindUnproven},
		"signature is not base64":  {[]string{goodFirst, "v=!"}, authentication.KindUnproven},
		"the same again":           {[]string{goodFirst, goodFirst}, authentication.KindUnproven},
	} {
		t.Run(name, func(t *testing.T) {
			m := authentication.Vector(must(authentication.Password("user", "pencil")), "SCRAM-SHA-256", nonce)
			must(m.Start())
			var answer []byte
			var err error
			for i, challenge := range tc.challenges {
				if err != nil {
					t.Fatalf("challenge %d: %v", i, err)
				}
				answer, err = m.Next([]byte(challenge))
			}
			if wantKind(t, err, tc.want); answer != nil || m.Done() {
				t.Errorf("answered with %q, done %v", answer, m.Done())
			}
		})
	}
}

// TestScramServerErrors holds what the errors of RFC 5802 section 7 mean, and that they are answered,
// so that the server can refuse.
func TestScramServerErrors(t *testing.T) {
	for text, want := range map[string]authentication.Kind{
		"e=invalid-proof":                       authentication.KindRejected,
		"e=unknown-user,x=y":                    authentication.KindRejected,
		"e=pencil":                              authentication.KindRejected,
		"e=":                                    authentication.KindRejected,
		"e=channel-bindings-dont-match":         authentication.KindChannelMismatch,
		"e=server-does-support-channel-binding": authentication.KindChannelMismatch,
		"e=unsupported-channel-binding-type":    authentication.KindTooWeak,
		"e=no-resources":                        authentication.KindUnavailable,
		"e=invalid-encoding":                    authentication.KindRefused,
	} {
		for _, before := range [][]string{nil, {goodFirst}} {
			m := authentication.Vector(must(authentication.Password("user", "pencil")), "SCRAM-SHA-256", nonce)
			must(m.Start())
			for _, challenge := range before {
				must(m.Next([]byte(challenge)))
			}
			answer, err := m.Next([]byte(text))
			if err != nil || answer == nil || len(answer) > 0 || m.Done() {
				t.Errorf("%s: %q, %v, done %v", text, answer, err, m.Done())
			}
			why, known := reported(m)
			if !known {
				t.Fatalf("%s: no explanation", text)
			}
			if wantKind(t, why, want); strings.Contains(why.Error(), "pencil") {
				t.Errorf("the error shows the password: %v", why)
			}
			_, err = m.Next([]byte(goodFinal))
			wantKind(t, err, authentication.KindEndless)
		}
	}
}

// TestUnproven holds that the mechanism tells of the missing signature only once it waits for one.
func TestUnproven(t *testing.T) {
	m := authentication.Vector(must(authentication.Password("user", "pencil")), "SCRAM-SHA-256", nonce)
	must(m.Start())
	if why, known := reported(m); known {
		t.Errorf("before the server's first message: %v", why)
	}
	must(m.Next([]byte(goodFirst)))
	why, _ := reported(m)
	wantKind(t, why, authentication.KindUnproven)
}

// TestScramNames: names are prepared and quoted, and what cannot be prepared goes as it is.
func TestScramNames(t *testing.T) {
	for user, want := range map[string]string{
		"a,b=c":      "n=a=2Cb=3Dc,",
		"jörg":       "n=jörg,",
		"I\u00adX":   "n=IX,", // RFC 4013 section 3
		"\u2168":     "n=IX,",
		"\U0001f600": "n=\U0001f600,",
	} {
		c := must(must(authentication.Password(user, "pencil")).WithAuthorizationID("b,oss"))
		m := must(authentication.Choose(c, insecure("SCRAM-SHA-512")))[0]
		if got := string(must(m.Start())); !strings.HasPrefix(got, "n,a=b=2Coss,"+want+"r=") {
			t.Errorf("%q begins with %q", user, got)
		}
	}
}

// FuzzServerFirst compares the proof of whatever is accepted with that the message was one.
func FuzzServerFirst(f *testing.F) {
	f.Add(goodFirst)
	f.Add("e=invalid-proof")
	f.Add("r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=5000,x=y")
	f.Add("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=4096")
	f.Fuzz(func(t *testing.T, text string) {
		m := authentication.Vector(must(authentication.Password("user", "pencil")), "SCRAM-SHA-1", nonce)
		must(m.Start())
		answer, err := m.Next([]byte(text))
		if m.Done() {
			t.Fatal("done after one message")
		}
		if err != nil || len(answer) == 0 {
			return
		}
		fields := strings.Split(text, ",")
		salt, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[1], "s="))
		if err != nil || len(salt) == 0 || !strings.HasPrefix(text, "r="+nonce) || !strings.HasPrefix(fields[2], "i=") {
			t.Errorf("%q was accepted", text)
		}
		if !strings.HasPrefix(string(answer), "c=biws,"+fields[0]+",p=") {
			t.Errorf("answer %q", answer)
		}
		if _, err := m.Next([]byte(text)); err == nil || m.Done() {
			t.Error("a first message passed for a signature")
		}
	})
}

// FuzzBearerError holds that no error of a server shows the token or ends in success.
func FuzzBearerError(f *testing.F) {
	f.Add(`{"status":"401","schemes":"bearer"}`)
	f.Add(`{"status":"tok-1234tok-1234"}`)
	f.Add(`{"status":"tok-\u0031234"}`)
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, text string) {
		m := must(authentication.Choose(must(authentication.Token("user", "tok-1234")), offer(true, "OAUTHBEARER")))[0]
		must(m.Start())
		if _, err := m.Next([]byte(text)); err != nil {
			t.Fatal(err)
		}
		why, _ := reported(m)
		if m.Done() || why == nil || why.Kind != authentication.KindRejected || strings.Contains(why.Error(), "tok-1234") {
			t.Errorf("done %v, %v", m.Done(), why)
		}
	})
}
