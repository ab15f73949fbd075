package ids

// SubjectPattern is the grammar of whoever acts or orders: the subject of a token
// as OpenID Connect limits it, without blanks and controls. The schemas and the
// REST document say the same.
const SubjectPattern = `^[!-~]{1,255}$`

const maxSubject = 255

// IsSubject says whether s matches SubjectPattern.
func IsSubject(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxSubject
}
