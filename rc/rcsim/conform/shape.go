package conform

import (
	"hash/maphash"
	"maps"
	"math/bits"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/routers"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// The shape of a message is all that a schema looks at: property names, types, the values that may be members of an
// enumeration, and of other strings and numbers the form. Two messages of one shape are both right or both wrong, so the
// ten thousand events of a random test cost ten thousand scans and a few dozen validations.

func (j *judge) eventShape(e rcsim.Exchange) uint64 {
	h := j.shape(eventSchema(e.Event))
	shapeJSON(h, e.Notification)
	return h.Sum64()
}

func (j *judge) exchangeShape(e rcsim.Exchange, req *http.Request, route *routers.Route, params map[string]string) uint64 {
	requestType, answerType := req.Header.Get("Content-Type"), e.AnswerHeader.Get("Content-Type")
	h := j.shape(
		e.Method, route.Path, requestType, answerType, scheme(e), strconv.Itoa(e.Status),
		strconv.FormatBool(e.Fault != ""), strconv.FormatBool(e.Tunnel), strconv.FormatBool(handwritten(e)),
	)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		shapeParameter(h, params[name])
	}
	shapeForm(h, e.Query)
	for _, body := range [][2]string{{requestType, e.Body}, {answerType, e.Answer}} {
		h.WriteByte(0)
		if isForm(body[0]) {
			shapeForm(h, body[1])
		} else {
			shapeJSON(h, body[1])
		}
	}
	return h.Sum64()
}

func (j *judge) shape(parts ...string) *maphash.Hash {
	h := &maphash.Hash{}
	h.SetSeed(j.seed)
	for _, p := range parts {
		h.WriteString(p)
		h.WriteByte(0)
	}
	return h
}

func shapeForm(h *maphash.Hash, form string) {
	values, err := url.ParseQuery(form)
	if err != nil {
		h.WriteString(form)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		h.WriteString(name)
		for _, v := range values[name] {
			h.WriteByte('=')
			shapeParameter(h, v)
		}
		h.WriteByte('&')
	}
}

// shapeParameter tells short numbers apart, such as a page or a lifetime, whose bounds are near.
func shapeParameter(h *maphash.Hash, s string) {
	if len(s) <= 8 {
		h.WriteString(s)
	} else {
		shapeString(h, s)
	}
}

// shapeJSON reads JSON as it comes; what is none is its own shape.
func shapeJSON(h *maphash.Hash, json string) {
	for i := 0; i < len(json); i++ {
		c := json[i]
		if c != '"' {
			switch {
			case c == ' ' || c == '\n':
			case '0' <= c && c <= '9':
				h.WriteByte('9') // as many digits: bounds are powers of ten and of two, far from what is sent
			default:
				h.WriteByte(c)
			}
			continue
		}
		end := i + 1
		for end < len(json) && json[end] != '"' {
			if json[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(json))
		s := json[i+1 : end]
		i = end
		h.WriteByte('"')
		if i+1 < len(json) && json[i+1] == ':' {
			h.WriteString(s) // a property's name
		} else {
			shapeString(h, s)
		}
	}
}

// shapeString writes a word as it is, for it may be of an enumeration, a date with its digits made equal, and of
// anything else only what it is made of and roughly how long it is.
func shapeString(h *maphash.Hash, s string) {
	const (
		letters = 1 << iota
		digits
		others
	)
	has := 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			has |= digits
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			has |= letters
		default:
			has |= others
		}
	}
	switch {
	case has&digits == 0 && len(s) <= 60:
		h.WriteString(s)
	case len(s) > 10 && s[4] == '-' && s[7] == '-':
		for i := range len(s) {
			if c := s[i]; '0' <= c && c <= '9' {
				h.WriteByte('9')
			} else {
				h.WriteByte(c)
			}
		}
	default:
		h.WriteByte(0x80 + byte(has))
		h.WriteByte(byte(bits.Len(uint(len(s)))))
	}
}
