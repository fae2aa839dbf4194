// Package keras reads what Keras wrote down: the architecture JSON of Keras 1,
// 2 and 3, the .keras archive and its members, inbound nodes and compile
// configs. It yields a [Model] as plain data.
//
// It knows the shape of the JSON and the names that each Keras gave to things,
// not the meaning of any layer. Names are today's: the era table (eras.go)
// turns the keys of every Keras into those of Keras 3, so that no layer asks
// for the version except for arithmetic ([Version]).
package keras
