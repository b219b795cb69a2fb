package rcsim

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
)

// ids makes every identifier and token of one server from its seed.
type ids struct {
	r      *rand.ChaCha8
	legacy uint64
}

func newIDs(seed uint64) *ids {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &ids{r: rand.NewChaCha8(key), legacy: 21529000000}
}

func (g *ids) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = g.r.Read(b)
	return b
}

// hex is n random bytes in hexadecimal.
func (g *ids) hex(n int) string { return hex.EncodeToString(g.bytes(n)) }

// token is a bearer secret that looks like RingCentral's.
func (g *ids) token(prefix string) string {
	return prefix + base64.RawURLEncoding.EncodeToString(g.bytes(33))
}

// uuid is a random UUID, version 4.
func (g *ids) uuid() string {
	b := g.bytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// decimal is a random positive 63-bit number: the uuid of a notification.
func (g *ids) decimal() string { return strconv.FormatUint(g.r.Uint64()>>1, 10) }

// legacyID is a numeric session id; ids lie more than 5000 apart, because official clients take gaps of exactly 1000 to
// 4000 for RingOut legs.
func (g *ids) legacyID() string {
	g.legacy += 5003 + g.r.Uint64()%997
	return strconv.FormatUint(g.legacy, 10) + "008"
}
