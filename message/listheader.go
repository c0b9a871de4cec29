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
	return b.typed(step, strings.Join(uris, " "), field{name: name, kind: fieldWords, words: words}, err)
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && isVisible(s) && !strings.Contains(s, ",")
}

// ListID names the mailing list for the filters of readers (RFC 2919): a name for people, which may
// be empty, and an identifier such as "news.example.org".
func (b Builder) ListID(name, id string) Builder {
	var err error
	if !isVisible(id) || !strings.Contains(id, ".") {
		err = errors.New("want an identifier like a domain name")
	}
	return b.typed("ListID", name+" "+id, field{name: "List-Id", kind: fieldNamed, text: name, words: []string{"<" + id + ">"}}, err)
}

// ListUnsubscribe says how to leave the list, by mail or on the web (RFC 2369 section 3.2).
func (b Builder) ListUnsubscribe(uri ...string) Builder {
	return b.uris("ListUnsubscribe", "List-Unsubscribe", uri)
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
		word(step, "List-Unsubscribe-Post", post, nil)
}

// ListSubscribe says how to join the list (RFC 2369 section 3.3).
func (b Builder) ListSubscribe(uri ...string) Builder {
	return b.uris("ListSubscribe", "List-Subscribe", uri)
}

// ListPost says where to post to the list (RFC 2369 section 3.4); see ListNoPost.
func (b Builder) ListPost(uri ...string) Builder { return b.uris("ListPost", "List-Post", uri) }

// ListNoPost says that nobody may post to the list.
func (b Builder) ListNoPost() Builder { return b.word("ListNoPost", "List-Post", "NO", nil) }

// ListHelp says where help with the list is (RFC 2369 section 3.1).
func (b Builder) ListHelp(uri ...string) Builder { return b.uris("ListHelp", "List-Help", uri) }

// ListOwner says how to reach who runs the list (RFC 2369 section 3.5).
func (b Builder) ListOwner(uri ...string) Builder { return b.uris("ListOwner", "List-Owner", uri) }

// ListArchive says where the archive of the list is (RFC 2369 section 3.6).
func (b Builder) ListArchive(uri ...string) Builder {
	return b.uris("ListArchive", "List-Archive", uri)
}

// ArchivedAt says where this message is archived (RFC 5064).
func (b Builder) ArchivedAt(uri string) Builder {
	return b.uris("ArchivedAt", "Archived-At", []string{uri})
}
