package client

// replyQueue are the replies that the server owes, oldest first. It reuses its memory, because in bulk it is
// never empty for long.
type replyQueue struct {
	list []expectation
	head int
}

func (d *replyQueue) len() int { return len(d.list) - d.head }

func (d *replyQueue) front() expectation { return d.list[d.head] }

func (d *replyQueue) push(e expectation) {
	if d.head > 0 && len(d.list) == cap(d.list) {
		n := copy(d.list, d.list[d.head:])
		clear(d.list[n:])
		d.list, d.head = d.list[:n], 0
	}
	d.list = append(d.list, e)
}

// relax gives back the memory of a window that is over.
func (d *replyQueue) relax() {
	if d.len() == 0 && cap(d.list) > keptReplies {
		d.list = nil
	}
}

func (d *replyQueue) pop() {
	d.list[d.head] = expectation{}
	d.head++
	if d.head == len(d.list) {
		d.list, d.head = d.list[:0], 0
	}
}
