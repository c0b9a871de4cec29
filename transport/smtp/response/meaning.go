package response

// meanings are the registered enhanced status codes by subject and detail, in words of our own. The
// registry was set up by RFC 5248; the comments name what added to it.
var meanings = [...][]string{
	0: {"no further information"}, // RFC 3463 section 3.1
	1: { // RFC 3463 section 3.2
		"address problem", "no such mailbox", "no such destination host", "malformed recipient address",
		"recipient address is ambiguous", "recipient address is valid", "mailbox has moved and left no address",
		"malformed sender address", "sender's domain cannot be mailed",
		"handed to a system that gives no delivery reports", // RFC 3886 section 3.3.4
		"recipient's domain takes no mail (null MX)",        // RFC 7505 section 4.2
	},
	2: { // RFC 3463 section 3.3
		"mailbox problem", "mailbox is disabled", "mailbox is full", "message is too long for the mailbox",
		"mailing list could not be expanded",
	},
	3: { // RFC 3463 section 3.4
		"mail system problem", "mail system is full", "mail system takes no messages now",
		"mail system lacks a requested feature", "message is too big for the mail system",
		"mail system is misconfigured",
		"requested priority was changed", // RFC 6710
	},
	4: { // RFC 3463 section 3.5
		"network or routing problem", "destination host does not answer", "connection was lost",
		"name service failed", "no route to the destination", "mail system is congested", "routing loop",
		"time for delivery is over",
	},
	5: { // RFC 3463 section 3.6
		"protocol problem", "command not valid here", "command has a syntax error", "too many recipients",
		"command has invalid arguments", "protocol versions do not match",
		"authentication line is too long", // RFC 4954 section 6
	},
	6: { // RFC 3463 section 3.7
		"content problem", "content type is not supported", "conversion is needed but forbidden",
		"conversion is needed but not supported", "content was converted with loss", "conversion failed",
		"referenced content is not available",             // RFC 4468 section 5
		"non-ASCII address is not permitted",              // RFC 6531 section 3.5
		"reply needs UTF-8 but the client did not allow",  // RFC 6531 section 3.7.4
		"UTF-8 header cannot be carried to the recipient", // RFC 6531 section 3.5
		"reply needs UTF-8 but the client did not allow",  // registered twice
	},
	7: { // RFC 3463 section 3.8
		"security or policy problem", "delivery is not authorized", "sender may not use the mailing list",
		"secure conversion is needed but not possible", "security feature is not supported",
		"decryption or verification failed", "cryptographic algorithm is not supported",
		"message was altered on the way",
		"wrong credentials", "authentication mechanism is too weak", // RFC 4954 section 6
		"encryption is needed",                                       // RFC 5248
		"encryption is required for this mechanism",                  // RFC 4954 section 6
		"password must be changed over for this mechanism",           // RFC 4954 section 6
		"account is disabled",                                        // RFC 5248
		"trust relationship is needed",                               // RFC 4468 section 5
		"priority is too low", "message is too big for its priority", // RFC 6710
		"mailbox has a new owner", "domain has a new owner", "ownership could not be tested", // RFC 7293
		"no valid DKIM signature", "no acceptable DKIM signature", // RFC 7372 section 3
		"no DKIM signature of the author's domain", "SPF check failed", "SPF check could not be made",
		"reverse DNS check failed", "several authentication checks failed",
		"sender's domain takes no mail (null MX)", // RFC 7505 section 4.2
		"flood of mail",                // registered without an RFC
		"ARC check failed",             // RFC 8617
		"REQUIRETLS cannot be kept up", // RFC 8689 section 5
	},
}

// Meaning says in a few words what subject and detail of e stand for. It is for people: the class
// and the reply code decide. An unregistered detail gives the meaning of its subject, and an
// unregistered subject or the zero value gives "".
func (e Enhanced) Meaning() string {
	if e.IsZero() || int(e.Subject) >= len(meanings) {
		return ""
	}
	details := meanings[e.Subject]
	if int(e.Detail) >= len(details) {
		return details[0]
	}
	return details[e.Detail]
}
