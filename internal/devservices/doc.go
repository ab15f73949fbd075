// Package devservices runs what Orderplane stands beside on one machine, without
// containers: Postgres, Kafka and Redis as child processes that can't outlive this one. The
// local stack runs on them, and so do the tests.
//
// All of them listen on the loopback address alone. Each can be stopped, killed and started
// again on its port, with its data.
package devservices
