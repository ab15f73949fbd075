package token

import (
	"crypto/sha256"

	"k8s.io/utils/lru"
)

// maxCached is how many verified tokens are kept. One takes less than a kilobyte, roles as usual.
const maxCached = 8192

// cache keeps the claims of tokens whose signature was good, the least recently used of them
// going first. Times are not part of what is kept: they are looked at with every use, so that
// a token ends when its exp says, to the second.
//
// The key is a digest of the whole token. The signature alone would not do: it may be copied
// below other claims. Bad tokens are not kept, so that guessing drives no good one out.
type cache struct{ entries *lru.Cache }

// cached is a token that was good when its keys were the current ones.
type cached struct {
	claims *claims
	keys   any
}

type digest [sha256.Size]byte

func newCache() cache { return cache{lru.New(maxCached)} }

func digestOf(raw string) digest { return sha256.Sum256([]byte(raw)) }

// get returns the claims of a token, nil when they are not known or when the keys are others
// by now: the one that signed it may have been taken back.
func (c cache) get(of digest, keys any) *claims {
	entry, _ := c.entries.Get(of)
	if found, ok := entry.(cached); ok && found.keys == keys {
		return found.claims
	}
	return nil
}

func (c cache) put(of digest, keys any, good *claims) { c.entries.Add(of, cached{good, keys}) }
