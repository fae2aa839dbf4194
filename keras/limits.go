package keras

// Limits bound what reading a file can cost. A field that is zero or negative
// takes its default.
type Limits struct {
	// JSONSize bounds the bytes of one JSON document; 16 MiB by default.
	JSONSize int64
	// JSONDepth bounds how deep JSON values nest; 256 by default.
	JSONDepth int
	// JSONNodes bounds the values of one JSON document; 1 million by default.
	JSONNodes int
	// Members bounds the files in a .keras archive; 4096 by default.
	Members int
	// Inflated bounds the bytes of an archive member that is compressed and
	// has to be held in memory; 4 GiB by default.
	Inflated int64
}

// maxInflation is the largest factor by which deflate can expand.
const maxInflation = 1032

func (l Limits) withDefaults() Limits {
	if l.JSONSize <= 0 {
		l.JSONSize = 16 << 20
	}
	if l.JSONDepth <= 0 {
		l.JSONDepth = 256
	}
	if l.JSONNodes <= 0 {
		l.JSONNodes = 1e6
	}
	if l.Members <= 0 {
		l.Members = 4096
	}
	if l.Inflated <= 0 {
		l.Inflated = 4 << 30
	}
	return l
}

// ConfigBytes returns the JSONSize that is in force.
func (l Limits) ConfigBytes() int64 { return l.withDefaults().JSONSize }
