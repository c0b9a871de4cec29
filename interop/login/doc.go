// Package login logs in to real servers by each mechanism that they have, with right and wrong secrets.
package login
