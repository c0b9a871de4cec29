package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streams are those of a queue.
type streams struct{ jobs, book, live *stream }

// streams makes the streams of the queue, or finds them. All that are there are looked at before one is made: a name that another
// application uses is left as it is.
func (s Setup) streams(ctx context.Context, conn *nats.Conn) (of streams, err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return of, err
	}
	configs := s.configs(conn)
	for _, c := range configs {
		_, err := findStream(ctx, js, c)
		missing := errors.Is(err, jetstream.ErrStreamNotFound)
		if missing && s.Existing && c.Storage == jetstream.FileStorage { // what is in memory ends with the servers
			return of, fmt.Errorf("stream %s: %w", c.Name, ErrNoQueue)
		}
		if err != nil && !missing {
			return of, err
		}
	}
	made := make([]*stream, len(configs))
	for i, c := range configs {
		replicas, err := createStream(ctx, js, c)
		if err != nil {
			return of, err
		}
		made[i] = newStream(conn, c.Name, replicas == 1)
	}
	return streams{made[0], made[1], made[2]}, nil
}

// configs are those of the jobs, the ledger and the signs of life.
func (s Setup) configs(conn *nats.Conn) []jetstream.StreamConfig {
	replicas := s.Replicas
	if replicas == 0 {
		replicas = 1
		if s.clustered() || conn.ConnectedClusterName() != "" {
			replicas = 3
		}
	}
	of := func(suffix string, storage jetstream.StorageType) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: s.Name + suffix, Subjects: []string{s.Name + suffix + ".>"}, Storage: storage, MaxMsgsPerSubject: 1, Replicas: replicas,
			AllowDirect: true, AllowAtomicPublish: true, AllowMsgTTL: true, Duplicates: time.Second,
		}
	}
	return []jetstream.StreamConfig{of("", jetstream.FileStorage), of("_ledger", jetstream.FileStorage), of("_live", jetstream.MemoryStorage)}
}

// findStream finds a stream, and returns how many servers keep it.
func findStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (replicas int, err error) {
	return patiently(ctx, c, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, c.Name) })
}

// createStream makes a stream, or finds it as it was made, and returns how many servers keep it.
func createStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (replicas int, err error) {
	return patiently(ctx, c, func(ctx context.Context) (jetstream.Stream, error) {
		stream, err := js.CreateStream(ctx, c)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(ctx, c.Name)
		}
		return stream, err
	})
}

// patiently gets a stream and looks whether it is as it was made. It waits until the servers of a cluster have found each other.
func patiently(ctx context.Context, c jetstream.StreamConfig, get func(context.Context) (jetstream.Stream, error)) (replicas int, err error) {
	for {
		one, cancel := context.WithTimeout(ctx, attempt)
		stream, err := get(one)
		cancel()
		if err == nil {
			is := stream.CachedInfo().Config
			return is.Replicas, checkForm(is, c)
		}
		var said jetstream.JetStreamError
		const noPeers, unavailable = 10005, 503
		passing := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
			errors.As(err, &said) && said.APIError() != nil && (said.APIError().Code == unavailable || said.APIError().ErrorCode == noPeers)
		if !passing || ctx.Err() != nil {
			return 0, errors.Join(fmt.Errorf("stream %s: %w", c.Name, err), context.Cause(ctx))
		}
		const pause = 50 * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// checkForm returns in what a stream is not one that this package has made. What only says how much is kept where, as the number of
// servers, is the operator's to change.
func checkForm(is, want jetstream.StreamConfig) error {
	var differs []string
	compare := func(what string, is, want any) {
		if a, b := fmt.Sprint(is), fmt.Sprint(want); a != b {
			differs = append(differs, fmt.Sprintf("%s is %s, want %s", what, a, b))
		}
	}
	compare("subjects", slices.Sorted(slices.Values(is.Subjects)), want.Subjects)
	compare("max_msgs_per_subject", is.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	compare("storage", is.Storage, want.Storage)
	compare("retention", is.Retention, want.Retention)
	compare("max_age", is.MaxAge, want.MaxAge)
	compare("allow_direct", is.AllowDirect, want.AllowDirect)
	compare("allow_atomic", is.AllowAtomicPublish, want.AllowAtomicPublish)
	compare("allow_msg_ttl", is.AllowMsgTTL, want.AllowMsgTTL)
	if len(differs) == 0 {
		return nil
	}
	return fmt.Errorf("stream %s: %w: %s", want.Name, ErrOtherStream, strings.Join(differs, "; "))
}
