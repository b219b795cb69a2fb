package directory

import (
	"strings"
	"unicode"
)

// folds are the letters that are typed as others: accents left out, ligatures
// spelled out. Latin alone: whoever writes another script types it.
var folds = func() map[rune]string {
	m := make(map[rune]string)
	for plain, letters := range map[string]string{
		"a": "àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặ", "b": "ḃḅ", "c": "çćĉċč", "d": "ďđḋḍð", "e": "èéêëēĕėęěȅȇẹẻẽếềểễệ", "f": "ḟƒ",
		"g": "ĝğġģǧǵ", "h": "ĥħḥḧ", "i": "ìíîïĩīĭįıǐȉȋịỉ", "j": "ĵǰ", "k": "ķĸǩḱ", "l": "ĺļľŀłḷ", "m": "ṁṃ", "n": "ñńņňŉŋǹṅṇ",
		"o": "òóôõöøōŏőǒǫǭǿȍȏơọỏốồổỗộớờởỡợ", "p": "ṗ", "r": "ŕŗřṙṛ", "s": "śŝşšșṡṣſ", "t": "ţťŧțṫṭ", "u": "ùúûüũūŭůűųǔǖǘǚǜưụủứừửữự",
		"w": "ŵẁẃẅ", "x": "ẋẍ", "y": "ýÿŷỳỵỷỹ", "z": "źżžẑẓ", "ss": "ß", "ae": "æǽ", "oe": "œ", "th": "þ",
	} {
		for _, letter := range letters {
			m[letter] = plain
		}
	}
	return m
}()

// words is a text as it is compared: each of its words after a space, in lower
// case, without accents. An apostrophe is no end of a word.
func words(text string) string {
	var b strings.Builder
	inside := false
	for _, r := range text {
		r = unicode.ToLower(r)
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if !inside {
				b.WriteByte(' ')
				inside = true
			}
			if plain, ok := folds[r]; ok {
				b.WriteString(plain)
			} else {
				b.WriteRune(r)
			}
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
		default:
			inside = false
		}
	}
	return b.String()
}
