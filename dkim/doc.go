// Package dkim signs mail (RFC 6376), so that its receivers can tell that the domain in From stands by it,
// and checks such signatures.
//
// For most programs a [Signer] is made once and given to policy.Prepare, which signs each mail on its way to
// the relay:
//
//	key, err := dkim.ParseKey(pemData)
//	signer, err := dkim.Sign("example.com").Key("2026a", key).Build()
//	sender, err := policy.Prepare{Next: relay, Sign: signer}.Build()
//
// The key is published in the DNS under the name and with the text that [Signer.Records] returns.
// [ByDomain] signs for many domains. [Verifier] checks signatures, in tests above all.
//
// What is signed leaves as it was signed: each write of a signed mail is compared with what was signed, and
// one that differs fails, so that a file that changed meanwhile is a mail that was not sent instead of one
// with a broken signature.
package dkim
