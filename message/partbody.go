package message

// partBody is what a part consists of: a text, a file, a message, other parts, content with a signature, or content
// that was encoded before.
type partBody interface {
	// prepare judges the body and finds how it travels.
	prepare(p *preparer, n *node) error
}

// leafBody is a body that is not made of parts.
type leafBody interface {
	partBody
	// content writes the body in the encoding of the node.
	content(r *renderer, n *node) error
}
