package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// KeySize is the size of a secret key, in bytes.
const KeySize = 32

// A sealed record is: version, key id, nonce, and what AES-256-GCM made of the rest.
const (
	sealVersion = 1
	keyIDSize   = 8
	headerSize  = 1 + keyIDSize
)

// errUnreadable says that a sealed record was not sealed by our keys, for this place.
var errUnreadable = errors.New("session: a sealed record does not open")

// keyring seals with its first key and opens with all.
type keyring []sealKey

type sealKey struct {
	id   [keyIDSize]byte
	aead cipher.AEAD
}

func newKeyring(keys [][]byte) (keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("session: no secret key given")
	}
	var ring keyring
	for _, key := range keys {
		if len(key) != KeySize {
			return nil, errors.New("session: a secret key must have 32 bytes")
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("cordboard key id\x00"), key...))
		ring = append(ring, sealKey{[keyIDSize]byte(sum[:keyIDSize]), aead})
	}
	return ring, nil
}

// place is where a sealed record belongs; elsewhere it does not open.
type place struct{ bucket, account, extension string }

// seal encrypts plain for one place.
func (r keyring) seal(plain []byte, at place) []byte {
	k := r[0]
	sealed := make([]byte, 0, headerSize+k.aead.NonceSize()+len(plain)+k.aead.Overhead())
	sealed = append(append(sealed, sealVersion), k.id[:]...)
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: it ends the program instead
	return k.aead.Seal(append(sealed, nonce...), nonce, plain, at.additional())
}

// open decrypts what seal made for the same place, or returns errUnreadable.
func (r keyring) open(sealed []byte, at place) ([]byte, error) {
	if len(sealed) < headerSize || sealed[0] != sealVersion {
		return nil, errUnreadable
	}
	for _, k := range r {
		if string(k.id[:]) != string(sealed[1:headerSize]) || len(sealed) < headerSize+k.aead.NonceSize() {
			continue
		}
		nonce, rest := sealed[headerSize:headerSize+k.aead.NonceSize()], sealed[headerSize+k.aead.NonceSize():]
		plain, err := k.aead.Open(nil, nonce, rest, at.additional())
		if err != nil {
			return nil, errUnreadable
		}
		return plain, nil
	}
	return nil, errUnreadable
}

// additional is what the seal vouches for besides the content; ids hold no NUL.
func (p place) additional() []byte {
	return []byte(p.bucket + "\x00" + p.account + "\x00" + p.extension)
}

// idBytes is the size of everything that nobody may guess.
const idBytes = 32

// randomID is 256 bits that nobody can guess, in 43 characters that fit URLs, cookies and PKCE.
func randomID() string {
	b := make([]byte, idBytes)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashID is the name under which an id is kept; ok is false for what randomID never made.
func hashID(id string) (hash string, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(b) != idBytes {
		return "", false
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:]), true
}
