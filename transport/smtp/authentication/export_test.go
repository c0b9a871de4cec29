package authentication

// Vector returns a SCRAM mechanism without channel binding whose nonce is that of a test vector.
func Vector(c Credentials, name, nonce string) Mechanism {
	for _, h := range []hash{sha1, sha256, sha512} {
		if h.name == name {
			client := scramClient(c.id, h).WithNonceGenerator(func() string { return nonce })
			return &scram{name: h.name, talk: client.NewConversation()}
		}
	}
	return nil
}

// MethodNames are the mechanisms of this package, from the strongest to the weakest.
func MethodNames() (names []string) {
	for _, m := range methods {
		names = append(names, m.name)
	}
	return names
}
