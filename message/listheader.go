package message

import (
	"errors"
	"net/url"
	"strings"
)

// uris writes addresses of the web or of mail in angle brackets, never encoded and never cut
// (RFC 2369 section 2).
func (b Builder) uris(step, name string, uris []string) Builder {
	words := make([]string, len(uris))
	var err error
	if len(uris) == 0 {
		err = errors.New("want at least one URI")
	}
	for i, u := range uris {
		words[i] = "<" + u + ">"
		if i < len(uris)-1 {
			words[i] += ","
		}
		if !isURI(u) {
			err = errors.New("want absolute URIs without spaces, in ASCII")
		}
	}
	return b.typedField(step, strings.Join(uris, " "), field{name: name, kind: fieldWords, words: words}, err)
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && isVisible(s) && !strings.Contains(s, ",")
}

// ListHeaders are the fields of a mailing list (RFC 2369, RFC 2919). URIs are absolute, such as mailto: or https:
// ones, in the order of preference. Empty fields are left out.
type ListHeaders struct {
	// ID is an identifier such as "news.example.org", by which readers filter; Name is for people and needs an ID.
	ID, Name string
	// Unsubscribe says how to leave the list. For leaving without a further question see
	// [Builder.ListUnsubscribeOneClick].
	Unsubscribe []string
	Subscribe   []string // how to join
	Post        []string // where to post
	NoPost      bool     // posting is not allowed; Post must be empty
	Help        []string // where help is
	Owner       []string // how to reach the person who runs the list
	Archive     []string // where the archive is
}

// List writes the fields of a mailing list. A field that two calls write is that of the last one.
func (b Builder) List(list ListHeaders) Builder {
	if list.ID != "" || list.Name != "" {
		b = b.listID(list.Name, list.ID)
	}
	for _, f := range []struct {
		step string
		uris []string
	}{
		{"Unsubscribe", list.Unsubscribe},
		{"Subscribe", list.Subscribe},
		{"Post", list.Post},
		{"Help", list.Help},
		{"Owner", list.Owner},
		{"Archive", list.Archive},
	} {
		if len(f.uris) > 0 {
			b = b.uris("List."+f.step, "List-"+f.step, f.uris)
		}
	}
	if list.NoPost {
		var err error
		if len(list.Post) > 0 {
			err = errors.New("set Post or NoPost, not both")
		}
		b = b.wordField("List.NoPost", "List-Post", "NO", err)
	}
	return b
}

func (b Builder) listID(name, id string) Builder {
	var err error
	if !isVisible(id) || !strings.Contains(id, ".") {
		err = errors.New("want an identifier like a domain name")
	}
	return b.typedField("List.ID", name+" "+id, field{name: "List-Id", kind: fieldNamed, text: name, words: []string{"<" + id + ">"}}, err)
}

// ListUnsubscribeOneClick says how to leave the list without a further question (RFC 8058): mail
// programs post to the first URI, which must be https. Others, such as mailto:, may follow. The
// fields only count when a DKIM signature covers them.
func (b Builder) ListUnsubscribeOneClick(https string, other ...string) Builder {
	const step, post = "ListUnsubscribeOneClick", "List-Unsubscribe=One-Click"
	if !strings.HasPrefix(https, "https://") {
		return b.step(func(s *state) { s.fault(step, https, errors.New("want an https URI (RFC 8058 section 3.1)")) })
	}
	return b.uris(step, "List-Unsubscribe", append([]string{https}, other...)).
		wordField(step, "List-Unsubscribe-Post", post, nil)
}

// ArchivedAt says where this message is archived (RFC 5064).
func (b Builder) ArchivedAt(uri string) Builder {
	return b.uris("ArchivedAt", "Archived-At", []string{uri})
}
