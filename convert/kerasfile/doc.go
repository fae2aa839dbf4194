// Package kerasfile writes models as files of Keras 3: .keras archives,
// whole-model .h5, .weights.h5 and architecture JSON.
//
// The architecture is made from the parsed one, whatever Keras it came from:
// old names are today's names there already (package keras), and what old eras
// computed otherwise is made explicit on the way (era.go). Then it is parsed and
// lowered again, so that the weights it declares say where each stored array
// goes, and in what order.
package kerasfile
