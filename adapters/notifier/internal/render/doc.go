// Package render makes the texts that customers get.
package render
