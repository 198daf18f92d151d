package telemetry

import "strings"

// filter tells quickly that a text holds no spelling of a set of secrets, which is
// the common case: it looks at some of its four-byte windows alone. Every call of an
// action pays for it.
type filter struct {
	// step is how far the windows lie apart that are looked at: one of them lies in
	// the beginning of every spelling, wherever it stands. 0 if there are no secrets.
	step    int
	longest int // spelling, in bytes
	// windows holds the hashes of the windows in the beginnings of the spellings.
	windows *[1 << (hashBits - 3)]byte
}

const (
	windowLen = MinSecretLen
	hashBits  = 16
)

func newFilter(secrets []secret) filter {
	var f filter
	shortest := 0
	for _, s := range secrets {
		for _, spelling := range s.spellings {
			f.longest = max(f.longest, len(spelling))
			if shortest == 0 || len(spelling) < shortest {
				shortest = len(spelling)
			}
		}
	}
	if shortest == 0 {
		return f
	}
	f.step = shortest - windowLen + 1
	f.windows = new([1 << (hashBits - 3)]byte)
	for _, s := range secrets {
		for _, spelling := range s.spellings {
			for at := range f.step {
				h := hashWindow(spelling, at)
				f.windows[h>>3] |= 1 << (h & 7)
			}
		}
	}
	return f
}

// holds reports whether a text holds any of the spellings of the secrets, which are
// those of the filter.
func holds[T string | []byte](f *filter, s T, secrets []secret) bool {
	if f.step == 0 {
		return false
	}
	for at := 0; at+windowLen <= len(s); at += f.step {
		h := hashWindow(s, at)
		if f.windows[h>>3]&(1<<(h&7)) == 0 {
			continue
		}
		near := string(s[max(0, at-f.step+1):min(len(s), at+f.longest)])
		for i := range secrets {
			for _, spelling := range secrets[i].spellings {
				if strings.Contains(near, spelling) {
					return true
				}
			}
		}
	}
	return false
}

// hashWindow hashes the window of s at an index (multiplicative hashing, Knuth,
// The Art of Computer Programming, volume 3, section 6.4).
func hashWindow[T string | []byte](s T, at int) uint32 {
	w := uint32(s[at]) | uint32(s[at+1])<<8 | uint32(s[at+2])<<16 | uint32(s[at+3])<<24
	return w * 2654435769 >> (32 - hashBits)
}
