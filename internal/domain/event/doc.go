// Package event says what happened in the words of the public contract. REST answers,
// Kafka records, mails and the mirror all use them, so that a status or an event is
// called the same wherever a reader meets it. Kubernetes has words of its own (the
// phases and history types of api/v1alpha1); the tables between the two are here alone.
package event
