package dkim

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// tag is one entry of a tag list, without white space around it.
type tag struct {
	name, value string
	start, end  int // where the value is in the list, with the white space around it
}

type tags []tag

// maxTags is how many entries a tag list may have, because each is compared with those before.
const maxTags = 100

// parseTags reads a tag list (RFC 6376 section 3.2).
func parseTags(text string) (tags, error) {
	var list tags
	for at := 0; at <= len(text); {
		if len(list) > maxTags {
			return nil, fmt.Errorf("the tag list has more than %d entries", maxTags)
		}
		end := at + strings.IndexByte(text[at:]+";", ';')
		entry := text[at:end]
		if strings.Trim(entry, wsp) == "" {
			if end < len(text) {
				return nil, fmt.Errorf("the tag list has an empty entry: %q", short([]byte(text)))
			}
			break
		}
		name, value, ok := strings.Cut(entry, "=")
		start := at + len(name) + 1
		name = strings.Trim(name, wsp)
		if !ok || !isTagName(name) {
			return nil, fmt.Errorf("the tag list has an entry that is not name=value: %q", short([]byte(entry)))
		}
		if _, twice := list.get(name); twice {
			return nil, fmt.Errorf("the tag list has %s= twice", name)
		}
		list = append(list, tag{name, strings.Trim(value, wsp), start, end})
		at = end + 1
	}
	return list, nil
}

const wsp = " \t\r\n"

func isTagName(name string) bool {
	for i := range len(name) {
		c := lower(name[i])
		if (c < 'a' || c > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

func (list tags) get(name string) (string, bool) {
	for _, t := range list {
		if t.name == name {
			return t.value, true
		}
	}
	return "", false
}

// colons returns the parts of a value between colons, without white space around them.
func colons(value string) []string {
	parts := strings.Split(value, ":")
	for i, part := range parts {
		parts[i] = strings.Trim(part, wsp)
	}
	return parts
}

// decodeBase64 decodes a value, in which there may be white space.
func decodeBase64(value string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
}
