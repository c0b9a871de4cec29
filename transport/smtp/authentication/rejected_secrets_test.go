package authentication_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

var errRejected = &authentication.Error{Kind: authentication.KindRejected, Mechanism: "PLAIN"}

// try logs in once with a result.
func try(t *testing.T, m *authentication.RejectedSecrets, c authentication.Credentials, result error) error {
	t.Helper()
	if err := m.Check(t.Context(), c); err != nil {
		return err
	}
	end, err := m.Begin(t.Context(), must(c.Resolve(t.Context())))
	if err == nil {
		end(result)
	}
	return err
}

func TestRejectedSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m authentication.RejectedSecrets
		c := credentials()
		if err := try(t, &m, c, errRejected); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err := try(t, &m, c, nil)
		wantKind(t, err, authentication.KindRejected)
		why, _ := errors.AsType[*authentication.Error](err)
		if why.Until != start.Add(10*time.Minute) || why.Mechanism != "PLAIN" || why.Temporary() {
			t.Errorf("%+v", why)
		}
		// A memory that is refused is not a new rejection, which would go on for ever.
		time.Sleep(10*time.Minute - 1)
		wantKind(t, try(t, &m, c, nil), authentication.KindRejected)
		for name, other := range map[string]authentication.Credentials{
			"password": must(authentication.Password("user", secret+"x")),
			"user":     must(authentication.Password("user2", secret)),
			"identity": must(c.WithAuthorizationID("boss")),
			"kind":     must(authentication.Token("user", secret)),
		} {
			if err := try(t, &m, other, nil); err != nil {
				t.Errorf("another %s: %v", name, err)
			}
		}
		time.Sleep(1)
		if err := try(t, &m, c, nil); err != nil {
			t.Errorf("after the time: %v", err)
		}
	})
}

// TestRejectedSecretsKinds holds that every refusal of the server is remembered, one for now for a short while, and nothing
// that the client itself did not like.
func TestRejectedSecretsKinds(t *testing.T) {
	kept := map[authentication.Kind]time.Duration{
		authentication.KindRejected: 10 * time.Minute, authentication.KindRefused: 10 * time.Minute,
		authentication.KindTooWeak: 10 * time.Minute, authentication.KindNeedsTLS: 10 * time.Minute,
		authentication.KindUnavailable: 30 * time.Second,
	}
	for kind := authentication.KindRejected; kind <= authentication.KindNoSecret; kind++ {
		synctest.Test(t, func(t *testing.T) {
			var m authentication.RejectedSecrets
			if err := try(t, &m, credentials(), &authentication.Error{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			if keep := kept[kind]; keep > 0 {
				time.Sleep(keep - 1)
				err := try(t, &m, credentials(), nil)
				wantKind(t, err, kind)
				if why, _ := errors.AsType[*authentication.Error](err); why.Until.IsZero() {
					t.Errorf("after %v: %+v", kind, why)
				}
				time.Sleep(1)
			}
			if err := try(t, &m, credentials(), nil); err != nil {
				t.Errorf("after %v: %v", kind, err)
			}
		})
	}
	var m authentication.RejectedSecrets
	own := must(authentication.Custom("user", func(authentication.Session) authentication.Mechanism { return &vanity{} }))
	for _, c := range []authentication.Credentials{own, {}} {
		for range 2 {
			if err := try(t, &m, c, errRejected); err != nil {
				t.Error(err)
			}
		}
	}
	for range 2 {
		if err := try(t, nil, credentials(), errRejected); err != nil {
			t.Errorf("no memory: %v", err)
		}
	}
}

// TestRejectedSecretsAsksTheSource holds that a secret that has changed is tried at once, and that the source is
// not asked in vain.
func TestRejectedSecretsAsksTheSource(t *testing.T) {
	var m authentication.RejectedSecrets
	said, asked, failure := "old-secret", 0, error(nil)
	c := must(authentication.TokenFrom("user", func(context.Context) (string, error) {
		asked++
		return said, failure
	}))
	if err := try(t, &m, c, errRejected); err != nil || asked != 1 {
		t.Fatal(err, asked)
	}
	wantKind(t, try(t, &m, c, nil), authentication.KindRejected)
	failure = errors.New("down")
	wantKind(t, try(t, &m, c, nil), authentication.KindNoSecret)
	said, failure = "new-secret", nil
	if err := try(t, &m, c, nil); err != nil {
		t.Error(err)
	}
}

// TestRejectedSecretsOneAtATime holds that a secret that has not been used yet is tried by one connection alone.
func TestRejectedSecretsOneAtATime(t *testing.T) {
	for name, tc := range map[string]struct {
		result error
		tries  int64 // of ten connections
	}{
		"wrong":       {errRejected, 1},
		"right":       {nil, 10},
		"unavailable": {&authentication.Error{Kind: authentication.KindUnavailable}, 1},
		"broken":      {errors.New("connection reset"), 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m authentication.RejectedSecrets
				var tries, now, most atomic.Int64
				var connections sync.WaitGroup
				for range 10 {
					connections.Go(func() {
						end, err := m.Begin(t.Context(), credentials())
						if err != nil {
							why, _ := errors.AsType[*authentication.Error](tc.result)
							wantKind(t, err, why.Kind)
							return
						}
						tries.Add(1)
						most.Store(max(most.Load(), now.Add(1)))
						time.Sleep(time.Second)
						now.Add(-1)
						end(tc.result)
					})
				}
				connections.Wait()
				if tries.Load() != tc.tries {
					t.Errorf("%d tries, want %d", tries.Load(), tc.tries)
				}
				if known := tc.result == nil; known != (most.Load() > 1) {
					t.Errorf("%d at once", most.Load())
				}
			})
		})
	}
}

func TestRejectedSecretsEndsWithContext(t *testing.T) {
	var m authentication.RejectedSecrets
	end := must(m.Begin(t.Context(), credentials()))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := m.Begin(ctx, credentials()); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	end(nil)
	must(m.Begin(ctx, credentials()))(nil)
}
