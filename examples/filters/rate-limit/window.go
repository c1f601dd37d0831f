package main

import "encoding/binary"

// digest stands for a client's key. It is a cryptographic one, so that no client can make up a key
// that is counted as another's.
type digest [16]byte

const (
	headerSize = 8
	entrySize  = len(digest{}) + 4
	// Clients beyond these share one entry, that of the zero digest: however many keys are made up,
	// a value stays this small.
	maxEntries = 256
)

// window is one shared value: how many requests some clients have made since a moment.
//
//	u64 number of the window | 16 bytes digest, u32 count | 16 bytes digest, u32 count | …
//
// Numbers are little-endian. Windows are counted from 1970 on; the counts of one are forgotten as
// soon as the value is read in another.
type window []byte

// windowOf is the value as it is in the window with this number. A value of the next window stays:
// it is of another machine, whose clock is ahead.
func windowOf(value []byte, number uint64) window {
	if len(value) >= headerSize && (len(value)-headerSize)%entrySize == 0 {
		if stored := binary.LittleEndian.Uint64(value); stored == number || stored == number+1 {
			return value
		}
	}
	return binary.LittleEndian.AppendUint64(nil, number)
}

func (w window) number() uint64 {
	return binary.LittleEndian.Uint64(w)
}

// entry finds a client's place in a window; the window may have become longer by it.
func (w window) entry(of digest) (window, entry) {
	for at := headerSize; at < len(w); at += entrySize {
		if digest(w[at:]) == of {
			return w, entry(w[at : at+entrySize])
		}
	}
	if (len(w)-headerSize)/entrySize >= maxEntries && of != (digest{}) {
		return w.entry(digest{})
	}
	at := len(w)
	w = append(w, make([]byte, entrySize)...)
	copy(w[at:], of[:])
	return w, entry(w[at:])
}

type entry []byte

func (e entry) count() uint32 {
	return binary.LittleEndian.Uint32(e[len(digest{}):])
}

func (e entry) increment() {
	binary.LittleEndian.PutUint32(e[len(digest{}):], e.count()+1)
}
