package jetstream

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// job is the head of a record: all of a job but its mail.
type job struct {
	Key       string            `json:"k"`
	Gone      string            `json:"gone,omitempty"` // why the job is not in the queue any more
	State     queue.State       `json:"s,omitempty"`
	Digest    []byte            `json:"d"`
	At        time.Time         `json:"at,omitzero"`
	Expires   time.Time         `json:"exp,omitzero"`
	Enqueued  time.Time         `json:"enq,omitzero"`
	Start     time.Time         `json:"start,omitzero"`
	Priority  int               `json:"p,omitempty"`
	Relay     string            `json:"r,omitempty"`
	Guarantee policy.Guarantee  `json:"g,omitempty"`
	Trace     map[string]string `json:"t,omitempty"`
	Attempts  int               `json:"n,omitempty"`
	Reason    string            `json:"why,omitempty"`
	Outcome   transport.Outcome `json:"o,omitempty"`

	Owner    uint64        `json:"own,omitempty"`   // the process that has it, while it is Working
	Lease    time.Duration `json:"lease,omitempty"` // from when the record was written
	Extended bool          `json:"ext,omitempty"`   // the lease is not the first of this attempt
	Parts    int           `json:"parts,omitempty"` // how many records have the mail; 0: this one
	Sum      []byte        `json:"sum,omitempty"`   // of a mail in parts
	Ended    time.Time     `json:"end,omitzero"`    // when it went
}

// Why a job is gone.
const (
	goneSent      = "sent"
	goneCancelled = "cancelled"
	goneEarlier   = "earlier" // its mark was deleted before all processes had seen it
)

// marked is how long the mark of an end is kept at least: a process that was away for less sees it, one that was away for longer
// forgets the job when it is due. A write without an answer, which is asked about for patience, finds its mark too.
const marked = 5 * time.Minute

func jobOf(e queue.Entry) job {
	return job{
		Key: e.Key, State: e.State, Digest: e.Digest[:], At: e.At, Expires: e.Expires, Enqueued: e.Enqueued, Start: e.Start,
		Priority: e.Priority, Relay: e.Relay, Guarantee: e.Guarantee, Trace: e.Trace, Attempts: e.Attempts, Reason: e.Reason, Outcome: e.Outcome,
	}
}

// entry returns the job in the words of package queue, without its mail.
func (j job) entry() queue.Entry {
	e := queue.Entry{
		Job: queue.Job{
			Key: j.Key, At: j.At, Expires: j.Expires, Priority: j.Priority, Relay: j.Relay, Guarantee: j.Guarantee, Trace: j.Trace,
		},
		Enqueued: j.Enqueued, Start: j.Start, State: j.State, Attempts: j.Attempts, Reason: j.Reason, Outcome: j.Outcome,
	}
	copy(e.Digest[:], j.Digest)
	return e
}

// maxReason keeps a head small; a reason comes from a relay.
const maxReason = 2000

func (j job) head() (string, error) {
	if len(j.Reason) > maxReason {
		j.Reason = strings.ToValidUTF8(j.Reason[:maxReason], "") + "..."
	}
	text, err := json.Marshal(j)
	return string(text), err
}

// readJob reads the head of a record.
func readJob(r *record) (job, error) {
	var j job
	if err := json.Unmarshal([]byte(r.head), &j); err != nil {
		return j, fmt.Errorf("the record %s of the queue: %w", r.subject, err)
	}
	return j, nil
}

func (j job) digest() (d ledger.Digest) {
	copy(d[:], j.Digest)
	return d
}

// jobID is what the subject of a job has of its key: too much for a caller to make two keys with one, and no more, because the server keeps
// the subjects of all jobs in memory, and each process the ids.
type jobID [12]byte

func idOf(key string) (id jobID) {
	h := sha256.Sum256([]byte(key))
	copy(id[:], h[:])
	return id
}

// part says which process takes the job first.
func (id jobID) part() int { return int(id[0]) % parts }

func (e *Engine) jobSubject(id jobID) string {
	return e.jobs.name + ".job." + encoding.EncodeToString(id[:])
}

func readID(subject string) (id jobID, ok bool) {
	raw, err := encoding.DecodeString(subject[strings.LastIndexByte(subject, '.')+1:])
	return jobID(append(raw, id[:]...)[:len(id)]), err == nil && len(raw) == len(id)
}

// A mail of more than inline octets has records of its own, each of at most partSize, which is what a standard server takes
// in one message with room to spare.
const (
	inline   = 32 << 10
	partSize = 512 << 10
)

func (e *Engine) partSubject(id jobID, i int) string {
	return e.jobs.name + ".mail." + encoding.EncodeToString(id[:]) + "." + strconv.Itoa(i)
}

// partChanges are the records of a large mail.
func (e *Engine) partChanges(id jobID, payload []byte) (list []change) {
	for i := 0; len(payload) > 0; i++ {
		n := min(len(payload), partSize)
		list = append(list, change{subject: e.partSubject(id, i), blind: true, data: payload[:n]})
		payload = payload[n:]
	}
	return list
}

// dropParts deletes them, in the batch that ends the job.
func (e *Engine) dropParts(id jobID, n int) (list []change) {
	for i := range n {
		list = append(list, change{subject: e.partSubject(id, i), blind: true, keep: marked})
	}
	return list
}

// sumOf tells whether parts are those of the mail.
func sumOf(payload []byte) []byte {
	h := sha256.Sum256(payload)
	return h[:hashSize]
}
