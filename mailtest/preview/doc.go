// Package preview shows the mail of a mailtest.Inbox in a browser: a list, and for each mail its HTML, text,
// header fields, source and attachments. It is for development, on a loopback address:
//
//	inbox := mailtest.NewBounded(mailtest.Limits{Mails: 200, Octets: 64 << 20})
//	server := &http.Server{Addr: "127.0.0.1:8025", Handler: preview.New(inbox)}
//
// Mail holds what strangers wrote, so a page trusts none of it:
//
//   - Text, header fields and file names are escaped.
//   - HTML is shown in a frame with a sandbox that allows nothing: no script, no form, no way out of the
//     frame. Its Content-Security-Policy, which repeats the sandbox, allows images of this handler and inline
//     styles, and nothing else; nothing is loaded from elsewhere. What browsers connect for in spite of that is
//     taken out before, and links are listed beside the frame.
//   - Images of "cid:" addresses come from the mail, if they are PNG, JPEG, GIF or WebP by their content.
//     Every part is sent as an attachment, and as octets unless it is one of those.
//   - Requests must name localhost, an IP address, or a name that New was told, so that a web site cannot
//     have its own name point here and read the mail (DNS rebinding). There is no login.
//
// The handler has no script of its own, changes nothing, and holds no more in memory than the inbox and one
// page of limited size.
package preview
