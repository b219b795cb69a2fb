// Package directory is the people, queues and other extensions of an account, as
// values, and how they are found while somebody types.
package directory

// Entry is one extension of the account.
type Entry struct {
	ID         string // extension id
	Type       string // verbatim: "User", "Department" (a call queue), "IvrMenu", …
	Name       string // hostile text: shown only after cleaning
	Number     string // extension number
	Department string
	JobTitle   string
	Email      string
	Numbers    []string // direct numbers, E.164
}
