// Package bolt keeps a ledger in one file, for one process at a time.
//
//	book, err := bolt.Open("/var/lib/app/mail.ledger", bolt.Options{})
//	...
//	defer book.Close()
//	sender, err := ledger.Once{Next: relay, Ledger: book}.Build()
//
// What must be durable is, when a call returns: many calls at the same time share one commit. Claims alone
// need not be written, because those of a process that is gone are void. When a write or a sync fails, as on
// a full disk, the ledger answers every later call with that error, so that no mail leaves without a record;
// close it, make room, and open it again.
//
// The file holds keys as the caller gives them, and hashes under a secret ([ledger.Secret]) instead of addresses. The secret is in the file too
// unless it is given as [Options].Secret. The file does not shrink: see [Compact].
package bolt
