package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	nethttpmiddleware "github.com/oapi-codegen/nethttp-middleware"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/internal/domain/ids"
)

// maxFieldErrors bounds what one answer lists: somebody who sends a thousand bad
// lines learns nothing from the last nine hundred.
const maxFieldErrors = 20

// validator checks requests against the OpenAPI document. What it decoded is
// handed on, with every number as its literal, so that a body is decoded once
// and no number goes through floating point on its way into an order.
func validator(doc *openapi3.T, now func() time.Time) func(http.Handler) http.Handler {
	own := *doc // the middleware takes the servers out of it
	return nethttpmiddleware.OapiRequestValidatorWithOptions(&own, &nethttpmiddleware.Options{
		DoNotValidateServers: true,
		Options: openapi3filter.Options{
			MultiError: true,
			// The token was checked before the body was read.
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
		ErrorHandlerWithOpts: func(_ context.Context, err error, w http.ResponseWriter, r *http.Request, _ nethttpmiddleware.ErrorHandlerOpts) {
			var long *http.MaxBytesError
			if errors.As(err, &long) {
				tooLarge(long.Limit).write(w, r, now())
				return
			}
			invalidRequest(fieldErrors(err)...).write(w, r, now())
		},
	})
}

// fieldErrors flattens what the validator found into fields as the client knows
// them.
func fieldErrors(err error) []wire.FieldError {
	var found []wire.FieldError
	collect("", err, &found)
	return found
}

func collect(within string, err error, found *[]wire.FieldError) {
	if len(*found) == maxFieldErrors {
		return
	}
	var request *openapi3filter.RequestError
	switch e := err.(type) { //nolint:errorlint // each level of the nest is looked at by itself
	case openapi3.MultiError:
		for _, one := range e {
			collect(within, one, found)
		}
		return
	case *openapi3.SchemaError:
		*found = append(*found, wire.FieldError{Field: fieldOf(within, e), Message: schemaText(e)})
		return
	case *openapi3filter.RequestError:
		request = e
	}
	switch {
	case request != nil && request.Parameter != nil:
		collectCause(request.Parameter.Name, request, found)
	case request != nil && request.RequestBody != nil:
		collectCause("body", request, found)
	default:
		*found = append(*found, wire.FieldError{Field: orBody(within), Message: plainText(err)})
	}
}

func collectCause(within string, request *openapi3filter.RequestError, found *[]wire.FieldError) {
	if request.Err == nil || errors.Is(request.Err, openapi3filter.ErrInvalidRequired) {
		*found = append(*found, wire.FieldError{Field: within, Message: "is required"})
		return
	}
	collect(within, request.Err, found)
}

func orBody(within string) string {
	if within == "" {
		return "body"
	}
	return within
}

// unknownField is how the validator says, and only there, which member of an
// object is not in its schema.
var unknownField = regexp.MustCompile(`^property "(.*)" is unsupported$`)

// fieldOf writes a JSON pointer the way clients write paths: items[0].unitPrice.
func fieldOf(within string, e *openapi3.SchemaError) string {
	var path strings.Builder
	pointer := e.JSONPointer()
	if unknown := unknownField.FindStringSubmatch(e.Reason); e.SchemaField == "properties" && unknown != nil {
		pointer = append(pointer, unknown[1])
	}
	for _, step := range pointer {
		if _, err := strconv.Atoi(step); err == nil {
			fmt.Fprintf(&path, "[%s]", step)
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(step)
	}
	switch {
	case path.Len() == 0:
		return orBody(within)
	case within == "" || within == "body":
		return path.String()
	default:
		return within + "." + path.String()
	}
}

// schemaText is the validator's reason in words for people. It never repeats the
// value, which may be long or private.
func schemaText(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "pattern":
		return patternText(e.Schema.Pattern)
	case "enum":
		return enumText(e.Schema.Enum)
	case "required":
		return "is required"
	case "properties":
		return "is not a known field"
	case "maxItems":
		return fmt.Sprintf("has more than %d entries", *e.Schema.MaxItems)
	case "minItems":
		return fmt.Sprintf("needs at least %d entry", e.Schema.MinItems)
	default:
		return e.Reason
	}
}

// patternText says what a pattern asks for. A person can't read it off the
// pattern itself.
func patternText(pattern string) string {
	switch {
	case pattern == ids.SubjectPattern:
		return "must be 1 to 255 visible ASCII characters without blanks"
	case strings.HasPrefix(pattern, `^[^\x00-\x1f`):
		return "must have no control characters and no line breaks"
	case strings.Contains(pattern, "}@["):
		return "must be one e-mail address without a name, such as jane@example.com"
	case strings.HasPrefix(pattern, `^(\+[1-9]`):
		return "must be a phone number in E.164 form, such as +4917012345678"
	case strings.HasPrefix(pattern, `^([A-Za-z]{2,3}(-`):
		return "must be a language as a BCP 47 tag, such as de or pt-BR"
	case strings.HasPrefix(pattern, `^[a-z0-9]([-a-z0-9]*`):
		return "must be small letters, digits, dashes and dots, such as prod-001"
	case strings.Contains(pattern, "[0-9a-fA-F]{8}-"):
		return "must be a UUID"
	default:
		return "must match " + pattern
	}
}

func enumText(values []any) string {
	if len(values) > 10 {
		return "is not one of the values that the OpenAPI document lists"
	}
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return "must be one of " + strings.Join(words, ", ")
}

func plainText(err error) string {
	var parse *openapi3filter.ParseError
	if errors.As(err, &parse) {
		switch parse.Kind {
		case openapi3filter.KindInvalidFormat:
			return "has the wrong format: " + strings.TrimPrefix(parse.Error(), "value ")
		case openapi3filter.KindUnsupportedFormat:
			return "has a format that is not supported"
		default:
			return err.Error()
		}
	}
	return err.Error()
}
