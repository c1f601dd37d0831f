package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

const (
	// Clients are spread over so many shared values: few write to the same one at a time, and what is
	// stored stays small however many clients there are.
	valueCount  = 1024
	maxAttempts = 100
	// A version that no value has. Writing with it succeeds only where there is no value, whereas 0
	// would overwrite what somebody else has just written.
	noVersion = math.MaxUint32
)

// store is data that several writers share.
type store interface {
	// get answers ErrorStatusNotFound where there is no value.
	get(key string) (value []byte, version uint32, err error)
	// set answers ErrorStatusCasMismatch where the value has another version by now.
	set(key string, value []byte, version uint32) error
}

// sharedData is the host's, for all VMs with the same vm id.
type sharedData struct{}

func (sharedData) get(key string) ([]byte, uint32, error) {
	return proxywasm.GetSharedData(key)
}

func (sharedData) set(key string, value []byte, version uint32) error {
	return proxywasm.SetSharedData(key, value, version)
}

// limiter counts the requests of each client in windows of a fixed length.
type limiter struct {
	store         store
	prefix        string
	limit         uint32
	windowSeconds uint64
}

func newLimiter(store store, c *config) limiter {
	prefix := fmt.Sprintf("rate-limit/%s/%ds/", c.Name, c.WindowSeconds)
	return limiter{store, prefix, c.Limit, uint64(c.WindowSeconds)}
}

// verdict is what became of one request.
type verdict struct {
	passes bool
	// Requests that the client has left in this window.
	remaining uint32
	// Until the window is over, rounded up.
	resetSeconds uint64
}

// take counts a request, if the client has one left. Nobody's count is lost, however many write at
// the same time: who finds that somebody was faster reads again.
func (l *limiter) take(client string, now time.Time) (verdict, error) {
	sum := sha256.Sum256([]byte(client))
	key := fmt.Sprintf("%s%d", l.prefix, (int(sum[30])<<8|int(sum[31]))%valueCount)
	for range maxAttempts {
		verdict, err := l.try(key, digest(sum[:]), now)
		if !errors.Is(err, types.ErrorStatusCasMismatch) {
			return verdict, err
		}
	}
	return verdict{}, fmt.Errorf("others were faster %d times", maxAttempts)
}

func (l *limiter) try(key string, client digest, now time.Time) (verdict, error) {
	value, version, err := l.store.get(key)
	if errors.Is(err, types.ErrorStatusNotFound) {
		value, version = nil, noVersion
	} else if err != nil {
		return verdict{}, fmt.Errorf("reading shared data: %w", err)
	}
	seconds := uint64(max(now.Unix(), 0))
	window, entry := windowOf(value, seconds/l.windowSeconds).entry(client)
	resetSeconds := (window.number()+1)*l.windowSeconds - seconds
	if entry.count() >= l.limit {
		return verdict{false, 0, resetSeconds}, nil
	}
	entry.increment()
	if err := l.store.set(key, window, version); err != nil {
		return verdict{}, fmt.Errorf("writing shared data: %w", err)
	}
	return verdict{true, l.limit - entry.count(), resetSeconds}, nil
}
