package telephony

// knownBodyFields are the top-level fields of a telephony session event's body,
// in the order in which RingCentral usually writes them.
var knownBodyFields = [...]string{
	"sequence", "sessionId", "telephonySessionId", "serverId", "eventTime",
	"parties", "origin", "accountId", "extensionId",
}

// unknownFields counts the fields of a notification's body that this package
// does not know. The data must be valid JSON.
func unknownFields(data []byte, wrapped bool) int {
	if wrapped {
		data = member(data, "pn_apns")
	}
	return countUnknown(member(data, "body"))
}

func countUnknown(object []byte) int {
	n := 0
	eachMember(object, func(key, _ []byte) bool {
		for _, known := range knownBodyFields {
			if string(key) == known {
				return true
			}
		}
		n++
		return true
	})
	return n
}

// member is the raw value of one field of an object, nil when it is not there.
func member(object []byte, name string) []byte {
	var found []byte
	eachMember(object, func(key, value []byte) bool {
		if string(key) == name {
			found = value
			return false
		}
		return true
	})
	return found
}

// eachMember calls yield with every key (still escaped) and raw value of an
// object until yield returns false. The data must be valid JSON; anything but an
// object has no members.
func eachMember(object []byte, yield func(key, value []byte) bool) {
	i := skipSpace(object, 0)
	if i >= len(object) || object[i] != '{' {
		return
	}
	for i++; ; i++ {
		i = skipSpace(object, i)
		if i >= len(object) || object[i] != '"' {
			return
		}
		end := skipValue(object, i)
		key := object[i+1 : end-1]
		i = skipSpace(object, skipSpace(object, end)+1) // past the colon
		end = skipValue(object, i)
		if !yield(key, object[i:end]) {
			return
		}
		i = skipSpace(object, end)
		if i >= len(object) || object[i] != ',' {
			return
		}
	}
}

// skipValue is the index behind the value that begins at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			if depth == 0 {
				for i < len(b) && !endsScalar(b[i]) {
					i++
				}
				return i
			}
		}
		i++
		if depth == 0 {
			return i
		}
	}
	return len(b)
}

func endsScalar(c byte) bool {
	switch c {
	case ',', '}', ']', ':', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}
