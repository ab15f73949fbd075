package token

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/orderplane/orderplane/internal/strictjson"
)

// maxKeyBits bounds what verifying one signature may cost.
const maxKeyBits = 16384

// keys are the keys of a set that may verify tokens.
type keys struct {
	all []publishedKey
	// ignored is how many keys of the set may not.
	ignored int
}

type publishedKey struct {
	kid string
	key *rsa.PublicKey
}

// readKeys reads a JSON Web Key Set (RFC 7517). A key that can't verify RS256
// signatures is passed over; a set without any that can is an error.
func readKeys(body []byte) (*keys, error) {
	if err := strictjson.CheckFolded(body); err != nil {
		return nil, fmt.Errorf("the key set: %w", err)
	}
	set, _ := asObject(body)
	entries, ok := asList(set["keys"])
	if !ok {
		return nil, errors.New("the answer is no key set: it has no list named keys")
	}
	found := &keys{}
	for _, entry := range entries {
		key, err := readKey(entry)
		if err != nil {
			found.ignored++
			continue
		}
		found.all = append(found.all, key)
	}
	if len(found.all) == 0 {
		return nil, errors.New("the key set has no RSA key that signs with RS256 and has 2048 bits or more")
	}
	return found, nil
}

func readKey(entry jsontext.Value) (publishedKey, error) {
	var described jwkset.JWKMarshal
	if err := json.Unmarshal(entry, &described); err != nil {
		return publishedKey{}, fmt.Errorf("read a key: %w", err)
	}
	alg, use, ops := described.ALG.String(), described.USE.String(), described.KEYOPS
	switch {
	case described.KTY != jwkset.KtyRSA,
		alg != "" && alg != jwt.SigningMethodRS256.Alg(),
		use != "" && described.USE != jwkset.UseSig,
		len(ops) > 0 && !slices.Contains(ops, jwkset.KeyOpsVerify):
		return publishedKey{}, errors.New("the key is not for RS256 signatures")
	}
	// Only the key itself matters: a certificate beside it is not looked at.
	bare := jwkset.JWKMarshal{KTY: described.KTY, N: described.N, E: described.E}
	parsed, err := jwkset.NewJWKFromMarshal(bare, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return publishedKey{}, fmt.Errorf("read a key: %w", err)
	}
	key, ok := parsed.Key().(*rsa.PublicKey)
	if !ok || key.E < 3 || key.E%2 == 0 || key.E > math.MaxInt32 || key.N.BitLen() > maxKeyBits {
		return publishedKey{}, errors.New("the key is no usable RSA key")
	}
	return publishedKey{kid: described.KID, key: key}, checkSize(key)
}

// verify says whether a key made the signature: the one that the token names or
// one without a name, or any when the token names none.
func (k *keys) verify(h header, p parts) bool {
	return slices.ContainsFunc(k.all, func(one publishedKey) bool {
		named := !h.hasKid || one.kid == h.kid || one.kid == ""
		return named && checkSignature(p, one.key) == nil
	})
}
