// Package limit sends mail as fast as a program without any library could: octets that are known beforehand are written,
// and of the replies only the first digit is looked at. There are no checks, no results for each recipient, no
// deadlines and no second attempts. What a library reaches of its speed, measured in the same run, is the share that
// benchmarks print: unlike the ratio to another library, it hardly differs between two machines.
package limit

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Source appends the content of a mail, by its number, to dst: lines that end in CRLF and do not begin with a dot.
type Source func(dst []byte, number int) []byte

// Client is a connection that has said EHLO.
type Client struct {
	conn    net.Conn
	socket  *net.TCPConn // below conn
	replies *bufio.Reader
	out     []byte
	content []byte
	path    string // MAIL and RCPT
}

const bufferSize = 64 << 10

// Dial connects to a server, in TLS from the first octet unless config is nil. All mails have the same sender and recipient.
func Dial(address, from, to string, config *tls.Config) (*Client, error) {
	return dial("EHLO", address, from, to, config)
}

// DialLMTP is Dial for a server of LMTP (RFC 2033).
func DialLMTP(address, from, to string, config *tls.Config) (*Client, error) {
	return dial("LHLO", address, from, to, config)
}

func dial(greeting, address, from, to string, config *tls.Config) (*Client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	socket, _ := conn.(*net.TCPConn)
	if config != nil {
		conn = tls.Client(conn, config)
	}
	c := &Client{
		conn: conn, socket: socket, replies: bufio.NewReaderSize(conn, bufferSize),
		path: "MAIL FROM:<" + from + ">\r\nRCPT TO:<" + to + ">\r\n",
	}
	if err := errors.Join(c.read(1), c.ask(greeting+" limit.test\r\n", 1)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// Close says goodbye.
func (c *Client) Close() error {
	if err := c.ask("QUIT\r\n", 1); err != nil {
		_ = c.conn.Close()
		return err
	}
	return c.conn.Close()
}

// ask writes text and reads as many replies.
func (c *Client) ask(text string, replies int) error {
	if _, err := c.conn.Write([]byte(text)); err != nil {
		return err
	}
	return c.read(replies)
}

// flush writes what has been collected and reads as many replies.
func (c *Client) flush(replies int) error {
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	c.out = c.out[:0]
	return c.read(replies)
}

// read reads replies, all of which must be good.
func (c *Client) read(replies int) error {
	for begun := false; replies > 0; begun = true {
		if begun && c.replies.Buffered() == 0 {
			acknowledge(c.socket)
		}
		line, err := c.replies.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || line[0] != '2' && line[0] != '3' {
			return fmt.Errorf("the server said %q", line)
		}
		if line[3] != '-' {
			replies--
		}
	}
	return nil
}

// Sequential sends mails with a round trip for each of MAIL, RCPT, DATA and the content.
func (c *Client) Sequential(mails int, source Source) error {
	mail, recipient := c.path[:len(c.path)-len(c.rcpt())], c.rcpt()
	for i := range mails {
		for _, command := range [...]string{mail, recipient, "DATA\r\n"} {
			c.out = append(c.out, command...)
			if err := c.flush(1); err != nil {
				return err
			}
		}
		c.out = append(source(c.out, i), ".\r\n"...)
		if err := c.flush(1); err != nil {
			return err
		}
	}
	return nil
}

// rcpt is the second command of the path.
func (c *Client) rcpt() string {
	for i := range c.path {
		if c.path[i] == '\n' {
			return c.path[i+1:]
		}
	}
	return ""
}

// Pipelined sends mails with a round trip for the commands and one for the content (RFC 2920).
func (c *Client) Pipelined(mails int, source Source) error {
	for i := range mails {
		c.out = append(append(c.out, c.path...), "DATA\r\n"...)
		if err := c.flush(3); err != nil {
			return err
		}
		c.out = append(source(c.out, i), ".\r\n"...)
		if err := c.flush(1); err != nil {
			return err
		}
	}
	return nil
}

// Ahead sends mails with one round trip each: the commands of a mail travel with the content of the one before.
func (c *Client) Ahead(mails int, source Source) error {
	c.out = append(append(c.out, c.path...), "DATA\r\n"...)
	due := 3
	for i := range mails {
		if err := c.flush(due); err != nil {
			return err
		}
		c.out = append(source(c.out, i), ".\r\n"...)
		due = 1
		if i+1 < mails {
			c.out = append(append(c.out, c.path...), "DATA\r\n"...)
			due += 3
		}
	}
	return c.flush(due)
}

// chunk collects a whole mail in the form of BDAT (RFC 3030).
func (c *Client) chunk(number int, source Source) {
	c.content = source(c.content[:0], number)
	c.out = append(append(c.out, c.path...), "BDAT "...)
	c.out = strconv.AppendInt(c.out, int64(len(c.content)), 10)
	c.out = append(append(c.out, " LAST\r\n"...), c.content...)
}

// OneByOne sends mails with one round trip each, each wholly before the next one, in the form of BDAT.
func (c *Client) OneByOne(mails int, source Source) error {
	for i := range mails {
		c.chunk(i, source)
		if err := c.flush(3); err != nil {
			return err
		}
	}
	return nil
}
