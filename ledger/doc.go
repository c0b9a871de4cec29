// Package ledger remembers, across restarts and machines, who was sent what, so that a program that is
// started again sends each mail once.
//
//	sender, err := ledger.Once{Next: relay, Ledger: book}.Build()
//	for sent, err := range transport.SendAll(ctx, sender, mails) // kill -9, start again: it goes on
//
// Each mail needs a key of the caller's, such as "order-4711/receipt": see [transport.WithKey]. For each
// key and recipient the ledger keeps one [Entry]. A send claims it, writes down that the content is about
// to leave before the last of it leaves, and writes down how it ended:
//
//	found in the ledger               what it means    what Once does
//	nothing, or a claim whose         NotSent          sends
//	  process is gone
//	the content was about to leave,   Unknown          reports Unknown and sends nothing; with
//	  and no end                                       policy.DangerousAtLeastOnce it sends
//	it ended Accepted or Rejected     that             returns that outcome, marked as replayed
//	it ended Deferred or NotSent      that             sends
//	the key of another mail           a mistake        sends nothing: ErrKeyReused
//
// For one process use the file of the module ledger/bolt; [Memory] is for tests. A store of your own
// implements [Ledger] by applying [Rules] to its entries, and passes ledger/ledgertest.
package ledger
