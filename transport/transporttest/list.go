package transporttest

import "slices"

// Cases returns the rules in the order in which Run checks them.
func Cases() []Case {
	return slices.Concat(deliveries(), failures(), lives())
}

// deliveries are the rules for mail that nothing is wrong with.
func deliveries() []Case {
	return []Case{
		{
			"accepts", "a mail that nothing is wrong with is accepted for every recipient, in envelope order, and arrives octet by octet; the result names the message and the relay, by which logs are found",
			testAccepts,
		},
		{
			"null sender", "bounces and reports are sent from the null path, which must not become an address",
			testNullSender,
		},
		{
			"many recipients", "no recipient is lost, doubled or moved to another place in the result",
			testManyRecipients,
		},
		{
			"same mail twice", "a Mail is immutable: sending it again sends the same octets",
			testTwice,
		},
		{
			"result is the caller's", "what a caller does to a result must not show up in another one",
			testResultIsOwned,
		},
		{
			"contents", "a message arrives as it was written: dots, long lines, no last line end, megabytes",
			testContents,
		},
		{
			"8-bit content", "what a far end cannot carry is refused; nothing arrives changed",
			testEightBit,
		},
		{
			"in pieces", "a mail may be written in pieces of any size, by a mail that knows nothing of itself",
			testPieces,
		},
	}
}

// failures are the rules for mail that does not arrive.
func failures() []Case {
	return []Case{
		{
			"body fails", "a message whose source fails midway must not be delivered, not even its first half",
			testBodyFails,
		},
		{
			"body fails at the end", "nothing that could complete a message leaves before WriteTo has returned nil: only then does the mail stand by what it wrote",
			testCompleted,
		},
		{
			"context ended", "a ctx that has ended before Send means that nothing is sent, and errors.Is finds the reason",
			testContextEnded,
		},
		{
			"context ends in the body", "a ctx that ends before the message has left completely means that nothing is sent",
			testContextEndsInBody,
		},
		{
			"no recipient", "a mail without recipients is an error with a Result, not a panic",
			testNoRecipient,
		},
		{
			"unreadable recipient", "a mail that can't say who receives it is not sent, and the error wraps what its method EnvelopeError says: a recipient must not be lost in silence",
			testEnvelopeError,
		},
		{
			refusedRecipients, "who is refused for good is Rejected, who is refused for now is Deferred, with the answer; the others get the mail, and only they",
			testRefused,
		},
		{
			allRefused, "when no recipient is left the message is not sent",
			testEverybodyRefused,
		},
		{
			verdictLost, "a message that has left without a verdict is Unknown: NotSent would bring it twice, Accepted might lose it",
			testLost,
		},
	}
}

// lives are the rules for many mails, and for the end.
func lives() []Case {
	return []Case{
		{
			"concurrent", "Send is safe for concurrent use and does not mix messages",
			testConcurrent,
		},
		{
			"many at once", "SendAll yields each mail once, with its number and its own result",
			testSendAll,
		},
		{
			"many at once, context ended", "mails that SendAll took and did not send are yielded as NotSent",
			testSendAllContextEnded,
		},
		{
			"closed", "a transport that was closed refuses mail instead of losing it",
			testClosed,
		},
		{
			"shut down", "Shutdown ends what Close ends, and either may follow the other",
			testShutdown,
		},
	}
}
