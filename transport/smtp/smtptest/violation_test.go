package smtptest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestViolations says what each breach is called, and that a good client has none.
func TestViolations(t *testing.T) {
	t.Parallel()
	const mail = "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\n"
	cases := map[string]struct {
		say  string
		want []smtptest.Rule
		less string // an extension that is not offered
	}{
		"none":                {say: mail + "DATA\n"},
		"not offered":         {say: mail, want: []smtptest.Rule{smtptest.PipeliningRule}, less: "PIPELINING"},
		"behind EHLO":         {say: "EHLO x\nNOOP\n", want: []smtptest.Rule{smtptest.PipeliningRule}},
		"behind DATA":         {say: mail + "DATA\n.\n", want: []smtptest.Rule{smtptest.PipeliningRule}},
		"behind NOOP":         {say: "NOOP\nRSET\n", want: []smtptest.Rule{smtptest.PipeliningRule}},
		"chunk before proof":  {say: mail + "BDAT 2 LAST\n\n", want: []smtptest.Rule{smtptest.ChunkRule}},
		"chunk after a proof": {say: "BDAT 2 LAST\n\nRSET\n" + mail, want: nil},
		"long line": {
			say:  mail + "BDAT 1001 LAST\n" + strings.Repeat("x", 999) + "\n",
			want: []smtptest.Rule{smtptest.ChunkRule, smtptest.LineRule},
		},
		"8-bit": {say: mail + "BDAT 4 LAST\n\xc3\xa4\n", want: []smtptest.Rule{smtptest.ChunkRule, smtptest.OctetRule}},
		"NUL":   {say: mail + "BDAT 3 LAST\n\x00\n", want: []smtptest.Rule{smtptest.ChunkRule, smtptest.OctetRule}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, func(c *smtptest.Config) { c.Extensions = smtptest.Without(tc.less) })
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO x\n")
			r.want("250")
			r.send(tc.say)
			_ = r.conn.(interface{ CloseWrite() error }).CloseWrite()
			if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			var got []smtptest.Rule
			for _, v := range srv.Violations() {
				got = append(got, v.Rule)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s\n%v", diff, srv.Violations())
			}
		})
	}
}

// TestSmuggledLineEnds holds that only CRLF dot CRLF ends a content, and that the rest is noted.
func TestSmuggledLineEnds(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, nil)
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\nDATA\n")
	r.want("250", "250", "354")
	content := "a\n.\nb\r.\rc\r\n..\r\n\r\n.\rd\r\n.\n\r\n.\r\n"
	if _, err := r.conn.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	r.want("250")
	m := srv.Messages()[0]
	if want := strings.TrimSuffix(content, ".\r\n"); string(m.Wire) != want {
		t.Errorf("wire %q, want %q", m.Wire, want)
	}
	if want := "a\n.\nb\r.\rc\r\n.\r\n\r\n\rd\r\n\n\r\n"; string(m.Content) != want {
		t.Errorf("content %q, want %q", m.Content, want)
	}
	if !slices.ContainsFunc(srv.Violations(), func(v smtptest.Violation) bool { return v.Rule == smtptest.LineRule }) {
		t.Error(srv.Violations())
	}
}
