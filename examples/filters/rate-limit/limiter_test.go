package main

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// memory is a store as the ABI describes it.
type memory struct {
	mutex    sync.Mutex
	values   map[string][]byte
	versions map[string]uint32
	last     uint32
}

func newMemory() *memory {
	return &memory{values: map[string][]byte{}, versions: map[string]uint32{}}
}

func (m *memory) get(key string) ([]byte, uint32, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if version, found := m.versions[key]; found {
		return slices.Clone(m.values[key]), version, nil
	}
	return nil, 0, types.ErrorStatusNotFound
}

func (m *memory) set(key string, value []byte, version uint32) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if stored, found := m.versions[key]; found && version != 0 && version != stored {
		return types.ErrorStatusCasMismatch
	}
	m.last++
	m.values[key], m.versions[key] = slices.Clone(value), m.last
	return nil
}

func at(seconds int64) time.Time { return time.Unix(seconds, 999) }

func TestAClientHasItsRequestsInEachWindow(t *testing.T) {
	l := newLimiter(newMemory(), &config{Limit: 2, WindowSeconds: 60})
	for _, step := range []struct {
		client string
		now    int64
		want   verdict
	}{
		{"a", 119, verdict{true, 1, 1}},
		{"a", 119, verdict{true, 0, 1}},
		{"a", 119, verdict{false, 0, 1}},
		{"b", 119, verdict{true, 1, 1}},
		{"a", 120, verdict{true, 1, 60}},
		{"a", 150, verdict{true, 0, 30}},
		{"a", 179, verdict{false, 0, 1}},
		// The clock was set back, or is behind another's: not anew within one window, …
		{"a", 119, verdict{false, 0, 61}},
		// … but not locked out for long either.
		{"a", 30, verdict{true, 1, 30}},
		{"a", -5, verdict{true, 0, 60}},
	} {
		if got, err := l.take(step.client, at(step.now)); err != nil || got != step.want {
			t.Errorf("%s at %d: got %+v, %v, want %+v", step.client, step.now, got, err, step.want)
		}
	}
}

func TestExactlySoManyPassAtTheSameTime(t *testing.T) {
	// The time is that of one window, so the first writes, which make the value, compete as well.
	store, passed := newMemory(), atomic.Int32{}
	var group sync.WaitGroup
	for range 8 {
		l := newLimiter(store, &config{Limit: 500, WindowSeconds: 60})
		group.Add(1)
		go func() {
			defer group.Done()
			for range 200 {
				verdict, err := l.take("a", at(0))
				if err != nil {
					t.Error(err)
				}
				if verdict.passes {
					passed.Add(1)
				}
			}
		}()
	}
	group.Wait()
	if passed.Load() != 500 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestMadeUpClientsDoNotFillTheStore(t *testing.T) {
	store := newMemory()
	l := newLimiter(store, &config{Limit: 1, WindowSeconds: 60})
	for index := range 2 * valueCount * maxEntries {
		if _, err := l.take(strconv.Itoa(index), at(0)); err != nil {
			t.Fatal(err)
		}
	}
	if len(store.values) != valueCount {
		t.Errorf("%d values", len(store.values))
	}
	for key, value := range store.values {
		if most := headerSize + (maxEntries+1)*entrySize; len(value) > most {
			t.Errorf("%s has %d bytes", key, len(value))
		}
	}
	// Who comes now has no place of its own, and that of all such clients is used up.
	if got, err := l.take("new", at(0)); err != nil || got.passes {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := l.take("new", at(60)); err != nil || !got.passes {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAValueThatIsNoWindowIsReplaced(t *testing.T) {
	for _, value := range []string{"", "x", "12345678x"} {
		if got := windowOf([]byte(value), 7); got.number() != 7 || len(got) != headerSize {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// broken is a store that fails.
type broken struct {
	*memory
	getError, setError error
}

func (b broken) get(key string) ([]byte, uint32, error) {
	if b.getError != nil {
		return nil, 0, b.getError
	}
	return b.memory.get(key)
}

func (b broken) set(string, []byte, uint32) error { return b.setError }

func TestFailuresOfTheStoreAreTold(t *testing.T) {
	failure := types.ErrorInternalFailure
	for name, store := range map[string]broken{
		"get": {newMemory(), failure, nil},
		"set": {newMemory(), nil, failure},
	} {
		l := newLimiter(store, &config{Limit: 1, WindowSeconds: 1})
		if _, err := l.take("a", at(0)); !errors.Is(err, failure) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := newLimiter(broken{newMemory(), nil, types.ErrorStatusCasMismatch}, &config{Limit: 1, WindowSeconds: 1})
	if _, err := l.take("a", at(0)); err == nil {
		t.Error("no error where others are always faster")
	}
}
