// Package token issues and verifies the bearer tokens of the REST API: JSON Web
// Tokens signed with RS256 and nothing else.
//
// The library's defaults are lax, so everything that matters is asked for: the
// algorithm (a token that names HS256 or none is refused before its signature is
// looked at), an expiry, and, when configured, issuer and audience. Clocks may
// differ by a leeway of at most a minute.
package token
