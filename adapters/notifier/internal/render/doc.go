// Package render makes the texts that customers get: in their language, with amounts and dates as they are
// written where it is spoken.
//
// A language is one file of texts, which are Go templates: a subject, a body and a short text for each
// event, and how dates and amounts are written. Two layouts put them together, one as plain text and one
// as HTML, from the same paragraphs, so that both parts of a mail say the same. Files of a folder replace
// texts, layouts or whole languages; what is wrong in one is told, and what is built in is used.
//
// What people wrote is data for the templates and never a part of them. It is cleaned before (clean.go).
package render
