// Package wire holds the types and the HTTP skeleton of the REST API, generated
// from api/openapi/openapi.yaml, and Number, which the generator can't make.
package wire
