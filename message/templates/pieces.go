package templates

import (
	html "html/template"
	"runtime"
	"sync"
	text "text/template"
	"text/template/parse"
	"weak"

	"github.com/depeche-mail/depeche/message"
)

// pieces are the fixed texts of a template, by the memory that the template packages keep them in and write them from. They
// keep that memory, so that nothing else can be there.
type pieces map[*byte]piece

type piece struct {
	source []byte
	text   *message.FixedText
}

// find returns the fixed text that p is; nil for anything else.
func (known pieces) find(p []byte) *message.FixedText {
	if len(p) == 0 {
		return nil
	}
	if found := known[&p[0]]; len(found.source) == len(p) {
		return found.text
	}
	return nil
}

// kept has the pieces of templates, by a weak pointer to each, as long as the program has the template.
var kept sync.Map

// fixedOf returns the pieces of a template; ok is false before keep was called.
func fixedOf[T any](t *T) (known pieces, ok bool) {
	found, ok := kept.Load(weak.Make(t))
	if ok {
		known, _ = found.(pieces)
	}
	return known, ok
}

// keep keeps the pieces of a template.
func keep[T any](t *T, found pieces) {
	key := weak.Make(t)
	if _, known := kept.LoadOrStore(key, found); !known {
		runtime.AddCleanup(t, func(key weak.Pointer[T]) { kept.Delete(key) }, key)
	}
}

// textPieces collects the fixed texts of a template and of those that it calls.
func textPieces(t *text.Template) pieces {
	return collect(t.Tree, func(name string) *parse.Tree {
		if called := t.Lookup(name); called != nil {
			return called.Tree
		}
		return nil
	})
}

// htmlPieces is textPieces for a template that was executed. Those that it calls are left out unless all are our own: a program
// may execute one of them at the same time, which html/template sets up for that, and we would read what it writes.
func htmlPieces(t *html.Template, own bool) pieces {
	return collect(t.Tree, func(name string) *parse.Tree {
		if called := t.Lookup(name); own && called != nil {
			return called.Tree
		}
		return nil
	})
}

// collect walks through a template and those that lookup has.
func collect(tree *parse.Tree, lookup func(name string) *parse.Tree) pieces {
	c := collector{found: pieces{}, seen: map[*parse.Tree]bool{}, lookup: lookup}
	c.tree(tree)
	return c.found
}

type collector struct {
	found  pieces
	seen   map[*parse.Tree]bool
	lookup func(name string) *parse.Tree
}

func (c *collector) tree(t *parse.Tree) {
	if t == nil || c.seen[t] {
		return
	}
	c.seen[t] = true
	c.list(t.Root)
}

func (c *collector) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			const least = 128 // shorter ones are encoded as fast as found
			if len(n.Text) >= least {
				c.found[&n.Text[0]] = piece{n.Text, message.NewFixedText(string(n.Text))}
			}
		case *parse.IfNode:
			c.branch(&n.BranchNode)
		case *parse.RangeNode:
			c.branch(&n.BranchNode)
		case *parse.WithNode:
			c.branch(&n.BranchNode)
		case *parse.TemplateNode:
			c.tree(c.lookup(n.Name))
		}
	}
}

func (c *collector) branch(b *parse.BranchNode) {
	c.list(b.List)
	c.list(b.ElseList)
}
