// Package judge computes how well a cascade labels flows whose label is known.
//
// It reads verdicts of the serving code, and knows no rule of the cascade. Every figure has the
// interval in which it lies in 90 of 100 bootstrap draws: flows of one capture are alike, so
// captures are drawn and not flows.
package judge
